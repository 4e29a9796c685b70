"""Letters that aren't digests: neutral, the same for everybody who gets them, and without a word of the visitor."""

from functools import cache
from typing import Literal

from mailer.delivery import Content, Slot
from mailer.page import button_colours
from mailer.settings import Settings
from mailer.tools.colours import readable
from mailer.tools.templates import direction, environment

_HEADERS = (
    ("Auto-Submitted", "auto-generated"),  # RFC 3834 §5: no holiday reply, please
    ("X-Auto-Response-Suppress", "OOF, AutoReply"),  # the same for Exchange
)


@cache
def confirmation(
    settings: Settings, language: str, *, is_reader: bool, is_on_old_list: bool = False
) -> Content:
    """is_reader: they are confirmed already, so that confirming replaces their choice.

    is_on_old_list: nobody filled in a form; it is we who ask.
    """
    return _write(settings, language, "confirm", is_reader=is_reader, is_on_old_list=is_on_old_list)


@cache
def letter(settings: Settings, language: str, name: Literal["links", "move", "moved"]) -> Content:
    """links: what a reader can do. move: asks a new mailbox. moved: tells the old one."""
    return _write(settings, language, name)


def _write(settings: Settings, language: str, name: str, **more: bool) -> Content:
    env = environment(language, settings.templates_dir)
    button, on_button = button_colours(settings.brand_color, "#ffffff")
    values = {
        "settings": settings,
        **{slot.name.lower(): slot.mark for slot in Slot},
        "home": settings.default_language,
        "home_direction": direction(settings.default_language),
        "days": settings.confirm_days,
        "contact": settings.reply_to or settings.sender_address,
        "bar": readable(settings.brand_color, "#ffffff", 3),
        "button": button,
        "on_button": on_button,
        **more,
    }
    subject, text, html = (
        env.get_template(f"mail/{name}/{part}").render(values)
        for part in ("subject.txt", "body.txt", "body.html")
    )
    return Content(language, " ".join(subject.split()), (text,), (html,), _HEADERS)
