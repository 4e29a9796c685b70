"""The letter that all benchmarks send: 30 KB of text and HTML with eight personal links, and mailings of it."""

from pathlib import Path

from sqlalchemy import insert, literal, select

from mailer.database import Database
from mailer.delivery import Content, Slot, Stream, open_mailing, put_all, save_edition
from mailer.delivery.compose import Claimed, Composer, Press, Printed, Stored, date_line
from mailer.settings import Settings
from mailer.tables import Instant, metadata, subscriber
from mailer.tools.clock import utc_now

ITEMS = 18
CHUNK = 5000
PUT = 20_000


def settings(relay: str, folder: Path) -> Settings:
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        relays=relay,
        secret="0123456789abcdef0123456789abcdef",  # type: ignore[arg-type]
        sender="Example Facility <news@example.org>",
        public_url="https://news.example.org",
        data_dir=folder,
    )


def content() -> Content:
    """A digest of ITEMS items. Every third one asks to manage preferences, the foot to unsubscribe."""
    text, html = ["The news of the week\n\n"], ["<html lang=en><body><table role=presentation>\n"]
    for number in range(ITEMS):
        title = f"Number {number}: the region agrees on a new programme for water and schools"
        teaser = "Ministers and partners met for two days and found common ground, more than expected. " * 4
        link = f"https://www.example.org/news/{number}/a-new-programme-for-water-and-schools"
        manage = f"Choose your regions: {Slot.PREFERENCES.mark}\n" if number % 3 == 0 else ""
        text.append(f"News \u2022 LAC, 23 November 2026\n{title}\n{teaser}\n{link}\n{manage}\n")
        html.append(
            '<tr><td style="padding:16px 24px;font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:24px;'
            'color:#1a1a1a;border-bottom:1px solid #dddddd"><p style="margin:0 0 4px;font-size:13px;color:#5a5a5a">'
            f'News \u2022 LAC, 23 November 2026</p>\n<h2 style="margin:0 0 8px;font-size:20px;line-height:26px">'
            f'<a href="{link}" style="color:#1d4f91;text-decoration:none">{title}</a></h2>\n<p style="margin:0 0 8px">'
            f'{teaser}</p>\n<p style="margin:0"><a href="{link}" style="color:#1d4f91">Read more</a></p>\n</td></tr>\n'
        )
    text.append(f"Unsubscribe: {Slot.UNSUBSCRIBE.mark}\nPreferences: {Slot.PREFERENCES.mark}\n")
    html.append(
        f"<tr><td>Sent to {Slot.ADDRESS.mark}. <a href='{Slot.PREFERENCES.mark}'>Preferences</a>\n"
        f"<a href='{Slot.UNSUBSCRIBE.mark}'>Unsubscribe</a></td></tr></table></body></html>\n"
    )
    one_click = (("List-Unsubscribe", f"<{Slot.UNSUBSCRIBE.mark}>, <mailto:unsubscribe@example.org>"),)
    post = (("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),)
    return Content("en", "News of the week", tuple(text), tuple(html), one_click + post)


def printed(own: Settings) -> tuple[Composer, Printed]:
    """The edition as bytes, without a database, and who makes it out to readers."""
    said = content()
    press = Press(own)
    blocks = press.learn({str(n): body for n, body in enumerate((*said.text, *said.html))})
    names = list(blocks)
    stored = Stored("0" * 64, said.subject, said.headers, names[: len(said.text)], names[len(said.text) :])
    return Composer(own), press.print(stored, blocks)


def row(number: int) -> Claimed:
    return Claimed(number, 1, 1, number, None, f"reader{number}@example.com", 0)


def one_letter(own: Settings) -> bytes:
    """The octets of one letter, for load generators that send the same one again and again."""
    composer, edition = printed(own)
    return b"".join(composer.compose(edition, row(1), date_line(utc_now())).content)


async def fill(database: Database, letters: int) -> int:
    """A mailing of so many letters to reader1@example.com and so on. Returns its number."""
    async with database.engine.begin() as db:
        await db.run_sync(metadata.create_all)
    now = utc_now()
    async with database.transaction() as db:
        for start in range(1, letters + 1, CHUNK):
            addresses = [f"reader{n}@example.com" for n in range(start, min(start + CHUNK, letters + 1))]
            fixed = {"status": "confirmed", "created_at": now}
            await db.execute(
                insert(subscriber), [{**fixed, "address": a, "address_key": a} for a in addresses]
            )
        number = await save_edition(db, content())
        mailing = await open_mailing(db, "weekly", Stream.DIGEST, now)
        readers = select(
            literal(number).label("edition_id"),
            subscriber.c.id.label("recipient"),
            subscriber.c.address,
            literal(now, Instant).label("due_at"),
            literal(0).label("low"),
        )
        for start in range(0, letters, PUT):  # in ranges, as digests do
            await put_all(db, mailing, readers.where(subscriber.c.id > start, subscriber.c.id <= start + PUT))
    return mailing
