"""FEEDS IN. The room of news: it knows feeds, pages and items, never subscribers or mails.

In come feeds (`poll`) and single pages (`add_article`), with the operator's choices, which say what a
label means. Out go items: `arrived` gives those between two arrival numbers. An item gets its number,
once per language, the moment it is ready to go; an edited one keeps it. What stood in a feed at its first
poll is history and gets none; what bears a label that nobody has explained waits.
"""

from mailer.news.item import Draft, Item, ItemText
from mailer.news.store import arrived, last_arrival, latest

__all__ = ["Draft", "Item", "ItemText", "arrived", "last_arrival", "latest"]
