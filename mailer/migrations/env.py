"""Alembic runs this file for each command; the connection comes from `mailer.migrations`."""

from typing import Any, Literal

from alembic import context

from mailer import tables


def ours(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave the tables of the work engine alone; it migrates them itself."""
    return not (kind == "table" and name is not None and name.startswith("pgqueuer"))


def render(kind: str, value: Any, _autogen: Any) -> str | Literal[False]:
    """Write our column types by the short names that each step defines for itself."""
    if kind != "type":
        return False
    if isinstance(value, tables.Instant):
        return "Instant"
    return next((name for name in ("Id", "Json") if value is getattr(tables, name)), False)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    include_name=ours,
    render_item=render,
    render_as_batch=True,  # SQLite changes a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
