"""HTML that an operator copies into another site, so that people can sign up there."""

from enum import StrEnum

from mailer.choices import Choices
from mailer.links import Links
from mailer.settings import Settings
from mailer.subscribers.consent import current_wording
from mailer.subscribers.forms import TRAP
from mailer.tools.templates import environment


class Embedding(StrEnum):
    """How the form gets into another site. The first works everywhere."""

    FORM = "form"  # plain HTML; the answer is a page of ours
    SCRIPT = "script"  # the same form; the visitor stays on the page
    IFRAME = "iframe"  # our own page, in a frame
    LINK = "link"  # to our page


def snippet(settings: Settings, offered: Choices, language: str, way: Embedding) -> str:
    """The HTML to copy, in this language and with the regions that are on offer now."""
    links = Links(settings)
    name = "form" if way is Embedding.SCRIPT else way
    template = environment(language, settings.templates_dir).get_template(f"snippets/{name}.html")
    return template.render(
        settings=settings,
        offered=offered,
        wording=current_wording(settings, language),
        trap=TRAP,
        action=links.subscribe(),
        frame=links.embed(),
        height=_height(offered),
        script=links.static("embed.js") if way is Embedding.SCRIPT else "",
    )


def _height(offered: Choices) -> int:
    """Pixels in which the framed form stands without a scroll bar on a telephone."""
    return 660 + 64 * len(offered.regions)
