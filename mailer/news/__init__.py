"""FEEDS IN. The room of news: it knows feeds, pages and items, never subscribers or mails.

In come feeds (`poll`) and single pages (`add_article`), with the operator's choices, which say what a
label means. Out go items: `arrived` gives those between two arrival numbers. An item gets its number,
once per language, the moment it is ready to go; an edited one keeps it. What stood in a feed at its first
poll is history and gets none; what bears a label that nobody has explained waits.
"""

from mailer.news.article import AddedArticle, ArticleError, Instead, Offer, add_article, add_draft
from mailer.news.cage import Cage
from mailer.news.feeds import Feed, FeedError, add_feed, list_feeds, remove_feed
from mailer.news.item import Draft, Item, ItemText
from mailer.news.poll import FeedReport, poll
from mailer.news.store import arrived, last_arrival, latest
from mailer.news.take import explain_label

__all__ = [
    "AddedArticle",
    "ArticleError",
    "Cage",
    "Draft",
    "Feed",
    "FeedError",
    "FeedReport",
    "Instead",
    "Item",
    "ItemText",
    "Offer",
    "add_article",
    "add_draft",
    "add_feed",
    "arrived",
    "explain_label",
    "last_arrival",
    "latest",
    "list_feeds",
    "poll",
    "remove_feed",
]
