"""The whole data model on one page, in bands per room. Only the owning room writes its band.

Instants are aware datetimes in UTC. Addresses and names are NFC. Nothing here holds a usable link.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware datetime; SQLite keeps it as naive UTC text that sorts by time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON().with_variant(JSONB(), "postgresql")
Id = BigInteger().with_variant(Integer(), "sqlite")


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _ref(name: str, target: str, **options: Any) -> Column[int]:
    return Column(name, Id, ForeignKey(f"{target}.id"), **options)


# ── choices: what the operator offers, and which feed labels mean it ────────────────────────────────

region = Table(
    "region",
    metadata,
    _id(),
    Column("code", String(40), nullable=False, unique=True),  # in addresses and files: "lac"
    Column("label", String(40), nullable=False),  # in the label line of a mail: "LAC"
    Column("names", Json, nullable=False),  # language → words that a visitor understands
    Column("position", Integer, nullable=False),
    Column("retired", Boolean, nullable=False, default=False),
)
kind = Table(
    "kind",
    metadata,
    _id(),
    Column("code", String(40), nullable=False, unique=True),
    Column("names", Json, nullable=False),
    Column("position", Integer, nullable=False),
    Column("retired", Boolean, nullable=False, default=False),
)
schedule = Table(
    "schedule",
    metadata,
    Column("frequency", String(20), primary_key=True),  # "weekly", "monthly", …
    Column("position", Integer, nullable=False),
    Column("weekday", SmallInteger),  # 0 is Monday; weekly only
    Column("day", SmallInteger),  # 1 to 28; monthly only
    Column("hour", SmallInteger, nullable=False),  # local time of MAILER_TIMEZONE
    Column("offered", Boolean, nullable=False, default=True),
)
label = Table(  # what feeds write in their categories; all columns empty = nobody has said what it means
    "label",
    metadata,
    Column("key", String(200), primary_key=True),  # casefolded, white space folded
    Column("text", String(200), nullable=False),  # as it was first seen
    _ref("kind_id", "kind"),
    _ref("region_id", "region"),
    Column("everyone", Boolean, nullable=False, default=False),  # "Global"
    Column("ignored", Boolean, nullable=False, default=False),  # says nothing of kind or region
    Column("seen_at", Instant),
)

# ── news ────────────────────────────────────────────────────────────────────────────────────────────

feed = Table(
    "feed",
    metadata,
    _id(),
    Column("url", Text, nullable=False, unique=True),  # http(s) address or absolute path of a file
    Column("title", Text),
    _ref("kind_id", "kind"),  # for items that name none
    _ref("region_id", "region"),  # for items that name none; empty = for everyone
    Column("language", String(35)),  # for feeds that name none
    Column(
        "announce_first", Boolean, nullable=False, default=False
    ),  # mail what stood in it at the first poll
    Column("etag", Text),
    Column("last_modified", Text),
    Column("first_polled_at", Instant),
    Column("polled_at", Instant),
    Column("next_poll_at", Instant),
    Column("failures", Integer, nullable=False, default=0),
    Column("error", Text),
)
item = Table(
    "item",
    metadata,
    _id(),
    _ref("feed_id", "feed"),
    _ref("kind_id", "kind"),
    Column("everyone", Boolean, nullable=False, default=False),
    Column("published_on", Date, nullable=False),
    # waiting: a label that no mapping knows · history: was there before us · ready · excluded
    Column("status", String(12), nullable=False),
    Column("labels", Json, nullable=False),  # its categories as the feed wrote them
    Column("first_seen_at", Instant, nullable=False),
)
item_region = Table(
    "item_region",
    metadata,
    _ref("item_id", "item", primary_key=True),
    _ref("region_id", "region", primary_key=True),
)
item_text = Table(  # one row per language
    "item_text",
    metadata,
    _ref("item_id", "item", primary_key=True),
    Column("language", String(35), primary_key=True),
    Column("title", Text, nullable=False),
    Column("teaser", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("arrival", Id, unique=True),  # given under a lock when ready to go; empty = not (yet) to be mailed
    Column("arrived_at", Instant),
)
item_identity = Table(  # by what an item is known again
    "item_identity",
    metadata,
    Column(
        "key", String(80), primary_key=True
    ),  # "guid:<hash>" (with its feed), "link:<hash>", "hash:<hash>"
    _ref("item_id", "item", nullable=False, index=True),
)
arrival_counter = Table(
    "arrival_counter",
    metadata,
    Column("id", SmallInteger, primary_key=True),  # one row: 1
    Column("value", Id, nullable=False),
)

# ── subscribers ─────────────────────────────────────────────────────────────────────────────────────

audience = Table(  # a choice, kept once however many people make it
    "audience",
    metadata,
    _id(),
    Column("key", String(64), nullable=False, unique=True),  # hash of the columns below
    Column("regions", Json, nullable=False),  # sorted region ids; [] = all
    Column("kinds", Json, nullable=False),  # sorted kind ids; [] = all
    Column("languages", Json, nullable=False),  # in the reader's order; the first is the frame's
    Column("frequency", String(20), nullable=False),
)
audience_region = Table(
    "audience_region",
    metadata,
    _ref("audience_id", "audience", primary_key=True),
    _ref("region_id", "region", primary_key=True, index=True),
)
imported_list = Table(  # an old list that was taken over, and by what right
    "imported_list",
    metadata,
    _id(),
    Column("at", Instant, nullable=False),
    Column("file", String(200), nullable=False),
    Column("hash", String(64), nullable=False),  # SHA-256 of the file
    Column("basis", String(20), nullable=False),
    Column("evidence", Text, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("undone_at", Instant),
)
subscriber = Table(
    "subscriber",
    metadata,
    _id(),
    Column("address", String(254), nullable=False),  # as typed, domain as A-label
    Column("address_key", String(254), nullable=False, unique=True),  # casefolded: who is the same person
    Column("status", String(12), nullable=False),  # pending · held · confirmed · unsubscribed · stopped
    _ref("audience_id", "audience"),  # what was confirmed; empty while pending
    Column("created_at", Instant, nullable=False),
    Column("confirmed_at", Instant),
    Column("ended_at", Instant),
    _ref("import_id", "imported_list", index=True),  # the old list from which they came
    Column("mail_from", Instant),  # of somebody held: when their turn comes; empty: when they confirm
    Column("news_after", Id),  # arrival number after which something is news to them, if not their mark's
    Column("paused_until", Instant),  # until then they get no digest, and miss none of its news
    Index("ix_subscriber_audience", "audience_id", "status"),
    Index("ix_subscriber_status", "status", "id"),
    sqlite_autoincrement=True,  # a number is never used again: old links must not open somebody else's page
)
wording = Table(  # every consent text that was ever shown
    "wording",
    metadata,
    _id(),
    Column("hash", String(64), nullable=False, unique=True),
    Column("language", String(35), nullable=False),
    Column("text", Text, nullable=False),
    Column("first_shown_at", Instant, nullable=False),
)
signup = Table(  # one request to (re)join or to change, waiting for its confirmation
    "signup",
    metadata,
    _id(),
    _ref("subscriber_id", "subscriber", nullable=False, index=True),
    _ref("audience_id", "audience", nullable=False),
    _ref("wording_id", "wording", nullable=False),
    Column("language", String(35), nullable=False),
    Column("form", String(200), nullable=False),  # address of the page that was filled in
    Column("network", String(50), nullable=False),  # truncated: /24 or /48
    Column("asked_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("refused_at", Instant),
    sqlite_autoincrement=True,  # a confirmation link must never confirm somebody else's sign-up
)
address_change = Table(  # a reader may say a new address; and then, it waits for its mailbox to say yes
    "address_change",
    metadata,
    _id(),
    _ref("subscriber_id", "subscriber", nullable=False, index=True),
    Column("address", String(254)),  # the new one, as in subscriber; empty: a link by which it can be said
    Column("language", String(35), nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    sqlite_autoincrement=True,  # a link must never give somebody else's address away
)
seal = Table(  # the chain over the record of consent: nothing personal, only ever added to
    "seal",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # 1, 2, 3, … without a gap
    Column("at", Instant, nullable=False),
    Column("act", String(20), nullable=False),
    Column("commitment", String(64), nullable=False),  # hash of the row of `consent` with its salt
    Column("erased", Json, nullable=False),  # seals whose row of `consent` was erased by this act
    Column("previous", String(64), nullable=False),  # hash of the seal before
    Column("hash", String(64), nullable=False),
)
seal_head = Table(  # one row: 1. Its lock says who may seal
    "seal_head",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("seal_id", Id, nullable=False),
    Column("hash", String(64), nullable=False),
)
consent = Table(  # append-only: what was agreed to, when, how; and every later change. Erasure alone deletes
    "consent",
    metadata,
    _id(),
    _ref("subscriber_id", "subscriber", nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("act", String(20), nullable=False),  # asked · confirmed · changed · …: subscribers/consent.py
    Column("actor", String(80), nullable=False),  # reader · one-click · admin:<name>
    _ref("wording_id", "wording"),
    _ref("signup_id", "signup"),
    Column("network", String(50), nullable=False, default=""),
    Column("details", Json, nullable=False),  # the choice in codes, the form, …
    Column("salt", String(32), nullable=False),  # with it gone, a seal can't be traced to anybody
    _ref("seal_id", "seal", unique=True),  # empty until it is sealed
    Index(
        "ix_consent_unsealed",
        "id",
        sqlite_where=text("seal_id IS NULL"),
        postgresql_where=text("seal_id IS NULL"),
    ),
    sqlite_autoincrement=True,
)
suppression = Table(  # who must not come back by an import: no address, only what our secret makes of it
    "suppression",
    metadata,
    Column("hash", String(40), primary_key=True),  # Keyring.keyed_hash for this purpose
    Column("reason", String(20), nullable=False),  # erased · opted out · refused · expired
    Column("at", Instant, nullable=False),
)
budget = Table(  # fixed windows, shared by all machines
    "budget",
    metadata,
    Column("key", String(120), primary_key=True),  # "<bucket>:<keyed hash>"
    Column("window", Instant, primary_key=True),  # its beginning
    Column("ends_at", Instant, nullable=False, index=True),
    Column("used", Integer, nullable=False),
)

_REFUSED = ("seal BEFORE UPDATE", "seal BEFORE DELETE", "wording BEFORE UPDATE", "wording BEFORE DELETE")
_CONSENT = "id, subscriber_id, at, act, actor, wording_id, signup_id, network, details, salt"


@event.listens_for(metadata, "after_create")
def guard_record(_metadata: MetaData | None, db: Connection, **_: Any) -> None:
    """The database itself keeps the record append-only. Safe to repeat; `migrate` does so after each step.

    A row of `consent` may be sealed once, and deleted (that is erasure, and a seal says so); nothing else.
    """
    triggers = [
        *((f"{what.replace(' ', '_').lower()}", *what.split(" ", 1), "") for what in _REFUSED),
        ("consent_before_update", "consent", f"BEFORE UPDATE OF {_CONSENT}", ""),
        ("consent_before_seal", "consent", "BEFORE UPDATE OF seal_id", "WHEN (OLD.seal_id IS NOT NULL)"),
    ]
    if db.dialect.name == "sqlite":
        for name, table, moment, when in triggers:
            db.exec_driver_sql(
                f"CREATE TRIGGER IF NOT EXISTS {name} {moment} ON {table} FOR EACH ROW {when} "
                "BEGIN SELECT RAISE(ABORT, 'this record is only ever added to'); END"
            )
    else:
        db.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'this record is only ever added to'; END $$"
        )
        for name, table, moment, when in triggers:
            db.exec_driver_sql(
                f"CREATE OR REPLACE TRIGGER {name} {moment} ON {table} FOR EACH ROW {when} "
                "EXECUTE FUNCTION refuse_change()"
            )
    db.exec_driver_sql("INSERT INTO seal_head (id, seal_id, hash) VALUES (1, 0, '') ON CONFLICT DO NOTHING")


# ── digests ─────────────────────────────────────────────────────────────────────────────────────────

digest = Table(  # one run
    "digest",
    metadata,
    _id(),
    Column("frequency", String(20), nullable=False),
    Column("period", String(20), nullable=False),  # "2026-W48", "2026-11"
    Column("due_at", Instant, nullable=False),
    Column("high", Id, nullable=False),  # the arrival number up to which it looks, fixed once
    _ref("mailing_id", "mailing", nullable=False),
    Column("planned_upto", Id, nullable=False, default=0),  # readers up to this number are planned
    Column("planned_at", Instant),  # empty while (or if interrupted in) planning
    Column("considered", Integer, nullable=False, default=0),  # readers
    UniqueConstraint("frequency", "period"),
)
digest_edition = Table(
    "digest_edition",
    metadata,
    _ref("digest_id", "digest", primary_key=True),
    _ref("edition_id", "edition", primary_key=True),
    Column("items", Json, nullable=False),  # [[item id, language], …] in order
    Column("language", String(35), nullable=False),
    Column("readers", Integer, nullable=False),
)
mark = Table(  # the arrival number up to which a reader has been considered
    "mark",
    metadata,
    Column("recipient", Id, primary_key=True, autoincrement=False),
    Column("arrival", Id, nullable=False),
)

# ── delivery: knows addresses and letters, never subscribers or digests ─────────────────────────────

block = Table(  # a piece of an edition that many editions share: a frame, an item's card
    "block",
    metadata,
    Column("hash", String(40), primary_key=True),
    Column("body", Text, nullable=False),  # decoded text, with marks in its slots
)
edition = Table(
    "edition",
    metadata,
    _id(),
    Column("key", String(64), nullable=False, unique=True),  # hash of everything below
    Column("language", String(35), nullable=False),
    Column("subject", Text, nullable=False),
    Column("headers", Json, nullable=False),  # [[name, value with marks], …]
    Column("text", Json, nullable=False),  # block hashes in order
    Column("html", Json, nullable=False),
)
mailing = Table(  # the envelopes of one digest or announcement: paused, cancelled and counted together
    "mailing",
    metadata,
    _id(),
    Column("name", String(80), nullable=False, unique=True),  # "weekly 2026-W48"; "confirmations"
    Column("stream", SmallInteger, nullable=False),  # 0 goes ahead of 1
    Column("state", String(12), nullable=False),  # open · paused · cancelled
    Column("note", Text),  # why it was paused, where we did it
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),  # nothing of it is sent after that
)
batch = Table(  # what one job of the work engine carries: a number
    "batch",
    metadata,
    _id(),
    _ref("mailing_id", "mailing", nullable=False, index=True),
    Column("size", Integer, nullable=False),
    Column(
        "done", Boolean, nullable=False, default=False
    ),  # nothing of it can leave any more; found by reconcile
    Index("ix_batch_undone", "id", sqlite_where=text("NOT done"), postgresql_where=text("NOT done")),
)
worker = Table(  # a process that sends; its letters are its own until its lease ends
    "worker",
    metadata,
    _id(),
    Column("name", String(80), nullable=False),  # host and process, for people
    Column("started_at", Instant, nullable=False),
    Column("lease_until", Instant, nullable=False, index=True),  # by which clock: delivery/lease.py
    sqlite_autoincrement=True,  # a number is never used again: a late reply must not find somebody else's letter
)
epoch = Table(  # one row: 1. Tells a database that was restored from a backup from the one that sent the mail
    "epoch",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("name", String(32), nullable=False),  # random: which database this is
    Column(
        "value", Id, nullable=False
    ),  # grows with each claim; `mailer.epoch` in data_dir holds the last one
)
ledger = Table(  # one row per envelope: what became of it
    "ledger",
    metadata,
    _id(),
    _ref("mailing_id", "mailing", nullable=False),
    _ref("batch_id", "batch", nullable=False),
    _ref("edition_id", "edition", nullable=False),
    Column("recipient", Id, nullable=False),  # opaque number of the room above
    Column("reference", Id),  # opaque: what a confirmation confirms
    Column("address", String(254), nullable=False),
    # due → handed → accepted | deferred | rejected | skipped | unknown
    Column("status", String(8), nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempts", SmallInteger, nullable=False, default=0),
    Column(
        "worker_id", Id
    ),  # who was handed it last; kept afterwards, so that a late reply still finds its row
    Column("done_at", Instant),
    Column("relay", String(80)),
    Column("code", SmallInteger),  # reply code, 0 where none came
    Column("reply", Text),  # the relay's words; of an acceptance its queue id
    Column("blame", String(9)),  # of a refusal: recipient · sender
    Column("low", Id),  # arrival number at which this letter's news begins
    Column(
        "processed", Boolean, nullable=False, default=False
    ),  # a refusal that the room of bounces has seen
    Index("ix_ledger_batch", "batch_id"),
    # What may still leave: due, deferred or handed. A claim doesn't touch done_at, so it writes one index only, the last
    Index(
        "ix_ledger_batch_open",
        "batch_id",
        "due_at",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
    Index("ix_ledger_recipient", "recipient", "id"),
    Index(
        "ix_ledger_recipient_open",
        "recipient",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
    Index(  # what a worker holds: few rows, whatever the size of the table
        "ix_ledger_handed",
        "worker_id",
        sqlite_where=text("status = 'handed'"),
        postgresql_where=text("status = 'handed'"),
    ),
    sqlite_autoincrement=True,  # a Message-ID and a return path must never mean two letters
)
