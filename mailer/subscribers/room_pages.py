"""What the pages of this room share: the database, the token of a link, and who is asking."""

from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mailer.choices import Choices, Offer
from mailer.database import Database
from mailer.links import Links
from mailer.settings import Settings
from mailer.site import Site
from mailer.subscribers import signup, store
from mailer.subscribers.reception import Reception, Wake
from mailer.subscribers.status import Subscriber
from mailer.tools.clock import Clock
from mailer.tools.network import truncated
from mailer.tools.tokens import Purpose


class RoomPages(Site):
    def __init__(self, settings: Settings, database: Database, clock: Clock, wake: Wake) -> None:
        super().__init__(settings)
        self.database = database
        self.clock = clock
        self.offer = Offer(database)
        self.wake = wake
        self.reception = Reception(settings, database, clock, wake)
        self.links = Links(settings)

    async def _sign_up(self, offered: Choices, asked: signup.Request) -> None:
        await self.reception.sign_up(offered, asked)

    def _check_mail(
        self, language: str, address: str, suggestion: str | None = None, *, framed: bool = False
    ) -> Response:
        """The same whoever asked, and whether a letter goes out or not."""
        return self.answer(language, "check_mail.html", address=address, suggestion=suggestion, framed=framed)

    def _number(self, purpose: Purpose, request: Request) -> int:
        number = self.links.read(purpose, request.path_params["token"])
        if number is None:
            raise HTTPException(404, "link")
        return number

    def _network(self, request: Request) -> str:
        return truncated(self.client(request))

    async def _person(self, db: AsyncConnection, number: int) -> tuple[Subscriber | None, str]:
        """A subscriber, if there is one still, and the language that they chose."""
        person = await store.get(db, number)
        if person is None or person.audience_id is None:
            return person, ""
        return person, (await store.audience_of(db, person.audience_id)).languages[0]


def path_of(link: str) -> str:
    """Of a link of ours, what pages use: it works under whatever name we were reached."""
    return urlsplit(link).path
