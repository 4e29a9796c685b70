"""The confirmation mail: neutral, the same for everybody who gets it, and without a word of the visitor."""

from functools import cache

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
    env = environment(language, settings.templates_dir)
    button, on_button = button_colours(settings.brand_color, "#ffffff")
    values = {
        "settings": settings,
        "confirm": Slot.CONFIRM.mark,
        "refuse": Slot.REFUSE.mark,
        "home": settings.default_language,
        "home_direction": direction(settings.default_language),
        "is_reader": is_reader,
        "is_on_old_list": is_on_old_list,
        "days": settings.confirm_days,
        "bar": readable(settings.brand_color, "#ffffff", 3),
        "button": button,
        "on_button": on_button,
    }
    subject, text, html = (
        env.get_template(f"mail/confirm/{name}").render(values)
        for name in ("subject.txt", "body.txt", "body.html")
    )
    return Content(language, " ".join(subject.split()), (text,), (html,), _HEADERS)
