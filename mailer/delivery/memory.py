"""A memory of bounded weight: what was not asked for longest is forgotten first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """limit: what all values together may weigh; one value always stays, however heavy."""

    def __init__(self, limit: int, weight: Callable[[V], int]) -> None:
        self._limit = limit
        self._weight = weight
        self._held: OrderedDict[K, V] = OrderedDict()
        self._total = 0

    def get(self, key: K) -> V | None:
        value = self._held.get(key)
        if value is not None:
            self._held.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        old = self._held.pop(key, None)
        if old is not None:
            self._total -= self._weight(old)
        self._held[key] = value
        self._total += self._weight(value)
        while self._total > self._limit and len(self._held) > 1:
            _, forgotten = self._held.popitem(last=False)
            self._total -= self._weight(forgotten)
