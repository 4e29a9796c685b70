"""Every public address that stands in a mail or on a page. A test checks that each has a route.

They are built from the settings, never from a request's Host header.
"""

from urllib.parse import urlencode, urlsplit

from mailer.settings import Settings
from mailer.tools.tokens import Keyring, Purpose


class Links:
    """Builds links and reads the tokens in them. Subjects are opaque numbers of the rooms above."""

    def __init__(self, settings: Settings) -> None:
        self.base = settings.public_url
        self.keyring: Keyring = settings.keyring

    def _signed(self, path: str, purpose: Purpose, number: int) -> str:
        return f"{self.base}/{path}/{self.keyring.sign(purpose, str(number))}"

    def read(self, purpose: Purpose, token: str) -> int | None:
        """The number in a token of this purpose, or None if it isn't one of ours."""
        subject = self.keyring.read(purpose, token)
        return int(subject) if subject is not None and subject.isdecimal() else None

    @property
    def origin(self) -> str:
        """As browsers name us in the Origin header (RFC 6454 §6.1)."""
        return urlsplit(self.base)._replace(path="").geturl().lower()

    def sign_up(self) -> str:
        return f"{self.base}/"

    def subscribe(self) -> str:
        """Where forms on other sites send what was filled in."""
        return f"{self.base}/subscribe"

    def embed(self) -> str:
        """The form alone, for a frame on another site."""
        return f"{self.base}/embed"

    def confirm(self, signup: int) -> str:
        return self._signed("confirm", Purpose.CONFIRM, signup)

    def refuse(self, signup: int) -> str:
        return self._signed("refuse", Purpose.REFUSE, signup)

    def lost_link(self) -> str:
        return f"{self.base}/link"

    def new_address(self, change: int) -> str:
        """To say a new address: fresh, by mail to the old one."""
        return self._signed("address", Purpose.NEW_ADDRESS, change)

    def move(self, change: int) -> str:
        """By mail to the new address: yes, that is mine."""
        return self._signed("move", Purpose.MOVE, change)

    def reason(self, act: int) -> str:
        """To say why somebody unsubscribed, by the number of that act in the record."""
        return self._signed("reason", Purpose.REASON, act)

    def preferences(self, recipient: int) -> str:
        return self._signed("preferences", Purpose.PREFERENCES, recipient)

    def unsubscribe(self, recipient: int) -> str:
        return self._signed("unsubscribe", Purpose.UNSUBSCRIBE, recipient)

    def undo(self, act: int) -> str:
        """Takes back one unsubscribing, by its number in the record of consent."""
        return self._signed("undo", Purpose.UNDO, act)

    def latest(self, **choice: str) -> str:
        """The public page of the latest news; choice: region, kind and language codes, comma-separated."""
        query = urlencode({name: value for name, value in choice.items() if value})
        return f"{self.base}/latest" + (f"?{query}" if query else "")

    def static(self, name: str) -> str:
        return f"{self.base}/static/{name}"
