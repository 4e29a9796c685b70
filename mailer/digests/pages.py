"""The public page of the latest news: for visitors, and for what didn't fit into a mail."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mailer import choices, news
from mailer.database import Database
from mailer.digests.choose import in_order
from mailer.digests.words import Words, frame_language
from mailer.news import Item, ItemText
from mailer.settings import Settings
from mailer.site import Site
from mailer.tools.templates import direction

SHOWN = 60
"""Items on the page."""


def routes(settings: Settings, database: Database) -> list[BaseRoute]:
    """Every route of this room."""
    return [Route("/latest", _Pages(settings, database).latest, methods=["GET"])]


class _Pages(Site):
    def __init__(self, settings: Settings, database: Database) -> None:
        super().__init__(settings)
        self.database = database

    async def latest(self, request: Request) -> Response:
        """The newest items of a choice: ?region=, ?kind= and ?language=, each a list with commas.

        What we don't know is passed over, so an old link still shows something.
        """
        query = request.query_params
        wanted = {name: query.get(name, "")[:500].split(",") for name in ("region", "kind", "language")}
        async with self.database.reading() as db:
            offered = await choices.read(db)
            regions = [region for region in offered.all_regions.values() if region.code in wanted["region"]]
            kinds = [kind for kind in offered.all_kinds.values() if kind.code in wanted["kind"]]
            items = await news.latest(db, SHOWN, [one.id for one in regions], [one.id for one in kinds])
        language = self.language(request, wanted["language"][0])
        words = Words(frame_language([language]), self.settings.default_language, offered)
        names = [words.region(one.id) for one in regions] + [words.kind(one.id) for one in kinds]
        cards = [
            _card(words, item, text) for item in items if (text := _text(item, wanted["language"], language))
        ]
        keep = "".join(f"{urlencode({name: query[name]})}&" for name in wanted if query.get(name))
        return self.answer(language, "latest.html", indexed=not query, cards=cards, choice=names, keep=keep)


def _text(item: Item, languages: list[str], page: str) -> ItemText | None:
    """The item in the first of these languages; without any, in that of the page, else in whatever it has."""
    asked = [language for language in languages if language]
    readable = in_order(item, asked or [page])
    if readable or asked:
        return readable[0] if readable else None
    return next(iter(item.texts.values()), None)


def _card(words: Words, item: Item, text: ItemText) -> dict[str, str]:
    foreign = words.tongue(text)
    return {
        "label": words.label(item),
        "date": words.date(item.published_on),
        "day": item.published_on.isoformat(),
        "tongue": foreign,
        "lang": text.language,
        "dir": direction(text.language),
        "title": text.title,
        "teaser": text.teaser,
        "url": text.url,
    }
