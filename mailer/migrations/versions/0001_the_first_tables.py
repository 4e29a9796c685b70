"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "arrival_counter",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("value", Id, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrival_counter")),
    )
    op.create_table(
        "audience",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("regions", Json, nullable=False),
        sa.Column("kinds", Json, nullable=False),
        sa.Column("languages", Json, nullable=False),
        sa.Column("frequency", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audience")),
        sa.UniqueConstraint("key", name=op.f("uq_audience_key")),
    )
    op.create_table(
        "block",
        sa.Column("hash", sa.String(length=40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_block")),
    )
    op.create_table(
        "budget",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("window", Instant, nullable=False),
        sa.Column("ends_at", Instant, nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "window", name=op.f("pk_budget")),
    )
    with op.batch_alter_table("budget", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_budget_ends_at"), ["ends_at"], unique=False)

    op.create_table(
        "edition",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("headers", Json, nullable=False),
        sa.Column("text", Json, nullable=False),
        sa.Column("html", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edition")),
        sa.UniqueConstraint("key", name=op.f("uq_edition_key")),
    )
    op.create_table(
        "epoch",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", Id, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_epoch")),
    )
    op.create_table(
        "imported_list",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("file", sa.String(length=200), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("basis", sa.String(length=20), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("undone_at", Instant, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imported_list")),
    )
    op.create_table(
        "kind",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("names", Json, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kind")),
        sa.UniqueConstraint("code", name=op.f("uq_kind_code")),
    )
    op.create_table(
        "mailing",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("stream", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailing")),
        sa.UniqueConstraint("name", name=op.f("uq_mailing_name")),
    )
    op.create_table(
        "mark",
        sa.Column("recipient", Id, autoincrement=False, nullable=False),
        sa.Column("arrival", Id, nullable=False),
        sa.PrimaryKeyConstraint("recipient", name=op.f("pk_mark")),
    )
    op.create_table(
        "region",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("label", sa.String(length=40), nullable=False),
        sa.Column("names", Json, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_region")),
        sa.UniqueConstraint("code", name=op.f("uq_region_code")),
    )
    op.create_table(
        "schedule",
        sa.Column("frequency", sa.String(length=20), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("weekday", sa.SmallInteger(), nullable=True),
        sa.Column("day", sa.SmallInteger(), nullable=True),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        sa.Column("offered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("frequency", name=op.f("pk_schedule")),
    )
    op.create_table(
        "seal",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("act", sa.String(length=20), nullable=False),
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.Column("erased", Json, nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal")),
    )
    op.create_table(
        "seal_head",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("seal_id", Id, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal_head")),
    )
    op.create_table(
        "suppression",
        sa.Column("hash", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_suppression")),
    )
    op.create_table(
        "wording",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_shown_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wording")),
        sa.UniqueConstraint("hash", name=op.f("uq_wording_hash")),
    )
    op.create_table(
        "worker",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("lease_until", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_worker_lease_until"), ["lease_until"], unique=False)

    op.create_table(
        "audience_region",
        sa.Column("audience_id", Id, nullable=False),
        sa.Column("region_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audience.id"], name=op.f("fk_audience_region_audience_id")
        ),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_audience_region_region_id")),
        sa.PrimaryKeyConstraint("audience_id", "region_id", name=op.f("pk_audience_region")),
    )
    with op.batch_alter_table("audience_region", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audience_region_region_id"), ["region_id"], unique=False)

    op.create_table(
        "batch",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("mailing_id", Id, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["mailing_id"], ["mailing.id"], name=op.f("fk_batch_mailing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_batch_mailing_id"), ["mailing_id"], unique=False)
        batch_op.create_index(
            "ix_batch_undone",
            ["id"],
            unique=False,
            sqlite_where=sa.text("NOT done"),
            postgresql_where=sa.text("NOT done"),
        )

    op.create_table(
        "digest",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("frequency", sa.String(length=20), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("high", Id, nullable=False),
        sa.Column("mailing_id", Id, nullable=False),
        sa.Column("planned_upto", Id, nullable=False),
        sa.Column("planned_at", Instant, nullable=True),
        sa.Column("considered", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["mailing_id"], ["mailing.id"], name=op.f("fk_digest_mailing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest")),
        sa.UniqueConstraint("frequency", "period", name=op.f("uq_digest_frequency_period")),
    )
    op.create_table(
        "feed",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("kind_id", Id, nullable=True),
        sa.Column("region_id", Id, nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("announce_first", sa.Boolean(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("first_polled_at", Instant, nullable=True),
        sa.Column("polled_at", Instant, nullable=True),
        sa.Column("next_poll_at", Instant, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["kind_id"], ["kind.id"], name=op.f("fk_feed_kind_id")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_feed_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed")),
        sa.UniqueConstraint("url", name=op.f("uq_feed_url")),
    )
    op.create_table(
        "label",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.Column("kind_id", Id, nullable=True),
        sa.Column("region_id", Id, nullable=True),
        sa.Column("everyone", sa.Boolean(), nullable=False),
        sa.Column("ignored", sa.Boolean(), nullable=False),
        sa.Column("seen_at", Instant, nullable=True),
        sa.ForeignKeyConstraint(["kind_id"], ["kind.id"], name=op.f("fk_label_kind_id")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_label_region_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_label")),
    )
    op.create_table(
        "subscriber",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("address_key", sa.String(length=254), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("audience_id", Id, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("confirmed_at", Instant, nullable=True),
        sa.Column("ended_at", Instant, nullable=True),
        sa.Column("import_id", Id, nullable=True),
        sa.Column("mail_from", Instant, nullable=True),
        sa.Column("news_after", Id, nullable=True),
        sa.Column("paused_until", Instant, nullable=True),
        sa.ForeignKeyConstraint(["audience_id"], ["audience.id"], name=op.f("fk_subscriber_audience_id")),
        sa.ForeignKeyConstraint(["import_id"], ["imported_list.id"], name=op.f("fk_subscriber_import_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber")),
        sa.UniqueConstraint("address_key", name=op.f("uq_subscriber_address_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("subscriber", schema=None) as batch_op:
        batch_op.create_index("ix_subscriber_audience", ["audience_id", "status"], unique=False)
        batch_op.create_index(batch_op.f("ix_subscriber_import_id"), ["import_id"], unique=False)
        batch_op.create_index("ix_subscriber_status", ["status", "id"], unique=False)

    op.create_table(
        "address_change",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("subscriber_id", Id, nullable=False),
        sa.Column("address", sa.String(length=254), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("asked_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("used_at", Instant, nullable=True),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_address_change_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_change")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("address_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_address_change_subscriber_id"), ["subscriber_id"], unique=False)

    op.create_table(
        "digest_edition",
        sa.Column("digest_id", Id, nullable=False),
        sa.Column("edition_id", Id, nullable=False),
        sa.Column("items", Json, nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("readers", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["digest_id"], ["digest.id"], name=op.f("fk_digest_edition_digest_id")),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_digest_edition_edition_id")),
        sa.PrimaryKeyConstraint("digest_id", "edition_id", name=op.f("pk_digest_edition")),
    )
    op.create_table(
        "item",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("feed_id", Id, nullable=True),
        sa.Column("kind_id", Id, nullable=True),
        sa.Column("everyone", sa.Boolean(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("labels", Json, nullable=False),
        sa.Column("first_seen_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feed.id"], name=op.f("fk_item_feed_id")),
        sa.ForeignKeyConstraint(["kind_id"], ["kind.id"], name=op.f("fk_item_kind_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
    )
    op.create_table(
        "ledger",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("mailing_id", Id, nullable=False),
        sa.Column("batch_id", Id, nullable=False),
        sa.Column("edition_id", Id, nullable=False),
        sa.Column("recipient", Id, nullable=False),
        sa.Column("reference", Id, nullable=True),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("worker_id", Id, nullable=True),
        sa.Column("done_at", Instant, nullable=True),
        sa.Column("relay", sa.String(length=80), nullable=True),
        sa.Column("code", sa.SmallInteger(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("blame", sa.String(length=9), nullable=True),
        sa.Column("low", Id, nullable=True),
        sa.Column("processed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_ledger_batch_id")),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_ledger_edition_id")),
        sa.ForeignKeyConstraint(["mailing_id"], ["mailing.id"], name=op.f("fk_ledger_mailing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.create_index("ix_ledger_batch", ["batch_id"], unique=False)
        batch_op.create_index(
            "ix_ledger_batch_open",
            ["batch_id", "due_at"],
            unique=False,
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )
        batch_op.create_index(
            "ix_ledger_handed",
            ["worker_id"],
            unique=False,
            sqlite_where=sa.text("status = 'handed'"),
            postgresql_where=sa.text("status = 'handed'"),
        )
        batch_op.create_index("ix_ledger_recipient", ["recipient", "id"], unique=False)
        batch_op.create_index(
            "ix_ledger_recipient_open",
            ["recipient"],
            unique=False,
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )

    op.create_table(
        "signup",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("subscriber_id", Id, nullable=False),
        sa.Column("audience_id", Id, nullable=False),
        sa.Column("wording_id", Id, nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("form", sa.String(length=200), nullable=False),
        sa.Column("network", sa.String(length=50), nullable=False),
        sa.Column("asked_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("used_at", Instant, nullable=True),
        sa.Column("refused_at", Instant, nullable=True),
        sa.ForeignKeyConstraint(["audience_id"], ["audience.id"], name=op.f("fk_signup_audience_id")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_signup_subscriber_id")),
        sa.ForeignKeyConstraint(["wording_id"], ["wording.id"], name=op.f("fk_signup_wording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signup")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("signup", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_signup_subscriber_id"), ["subscriber_id"], unique=False)

    op.create_table(
        "consent",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("subscriber_id", Id, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("act", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("wording_id", Id, nullable=True),
        sa.Column("signup_id", Id, nullable=True),
        sa.Column("network", sa.String(length=50), nullable=False),
        sa.Column("details", Json, nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("seal_id", Id, nullable=True),
        sa.ForeignKeyConstraint(["seal_id"], ["seal.id"], name=op.f("fk_consent_seal_id")),
        sa.ForeignKeyConstraint(["signup_id"], ["signup.id"], name=op.f("fk_consent_signup_id")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_consent_subscriber_id")),
        sa.ForeignKeyConstraint(["wording_id"], ["wording.id"], name=op.f("fk_consent_wording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint("seal_id", name=op.f("uq_consent_seal_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consent_subscriber_id"), ["subscriber_id"], unique=False)
        batch_op.create_index(
            "ix_consent_unsealed",
            ["id"],
            unique=False,
            sqlite_where=sa.text("seal_id IS NULL"),
            postgresql_where=sa.text("seal_id IS NULL"),
        )

    op.create_table(
        "item_identity",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("item_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_item_identity_item_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_item_identity")),
    )
    with op.batch_alter_table("item_identity", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_item_identity_item_id"), ["item_id"], unique=False)

    op.create_table(
        "item_region",
        sa.Column("item_id", Id, nullable=False),
        sa.Column("region_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_item_region_item_id")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_item_region_region_id")),
        sa.PrimaryKeyConstraint("item_id", "region_id", name=op.f("pk_item_region")),
    )
    op.create_table(
        "item_text",
        sa.Column("item_id", Id, nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("teaser", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("arrival", Id, nullable=True),
        sa.Column("arrived_at", Instant, nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_item_text_item_id")),
        sa.PrimaryKeyConstraint("item_id", "language", name=op.f("pk_item_text")),
        sa.UniqueConstraint("arrival", name=op.f("uq_item_text_arrival")),
    )
