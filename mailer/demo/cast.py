"""Two dozen readers: what each of them chooses, and what becomes of them."""

from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    CONFIRMED = "confirmed"
    UNCONFIRMED = "pending"  # never opens the confirmation mail
    LEFT_BY_PAGE = "unsubscribed by the page"
    LEFT_BY_ONE_CLICK = "unsubscribed by one click"

    @property
    def left(self) -> bool:
        return self in {Fate.LEFT_BY_PAGE, Fate.LEFT_BY_ONE_CLICK}


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader, with what they tick in the form, in its codes. Nothing ticked: everything."""

    name: str
    regions: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    language: str = "en"
    frequency: str = "weekly"
    fate: Fate = Fate.CONFIRMED

    @property
    def address(self) -> str:
        return f"{self.name}@readers.example"


CAST = (
    Reader("amara", ("africa",)),
    Reader("bilal", ("middle-east",), language="ar"),
    Reader("camila", ("lac",), language="es"),
    Reader("diego", ("lac",)),
    Reader("elena", ("eeca",), frequency="monthly"),
    Reader("farid", ("asia", "middle-east"), ("news",)),
    Reader("grace", ("africa", "pacific")),
    Reader("hugo", ("europe",), language="fr"),
    Reader("irina", ("eeca", "europe"), ("news", "voices")),
    Reader("jonas", (), ("events",), language="de"),
    Reader("keola", ("pacific",), frequency="monthly"),
    Reader("lucia", ("lac", "europe"), ("events",), language="es"),
    Reader("mateus", ("lac", "africa"), language="pt"),
    Reader("nadia"),
    Reader("olga", ("eeca",)),
    Reader("pierre", (), language="fr", frequency="monthly"),
    Reader("quynh", ("asia",), ("blog", "voices")),
    Reader("rosa", ("lac",)),
    Reader("samir", ("africa", "asia", "middle-east", "pacific")),
    Reader("tomasz", ("eeca",), ("news",), frequency="monthly"),
    Reader("ursula", ("africa",), language="de", fate=Fate.UNCONFIRMED),
    Reader("vera", ("eeca",), fate=Fate.UNCONFIRMED),
    Reader("wanjiru", fate=Fate.UNCONFIRMED),
    Reader("ximena", ("lac",), language="es", fate=Fate.LEFT_BY_PAGE),
    Reader("yusuf", ("middle-east",), fate=Fate.LEFT_BY_ONE_CLICK),
    Reader("zoe", ("europe",), frequency="monthly", fate=Fate.LEFT_BY_PAGE),
    Reader("anna", fate=Fate.LEFT_BY_ONE_CLICK),
)
