"""The demo: the whole service on one machine, with its own mail server, its own readers and a self-check.

Everything is real: forms over HTTP, letters over SMTP, SQLite on the disk. Only the readers are made up.
"""

from mailer.demo.run import demo

__all__ = ["demo"]
