"""ENVELOPE → SMTP → OUTCOME. The lowest room: it knows addresses and letters, never subscribers or digests.

In come editions (`save_edition`) and envelopes (`put`, `put_all`), in the caller's transaction; out go
letters over SMTP, and rows of the ledger that say what became of each. `recipient` and `reference` are
opaque numbers of the rooms above; links are derived from them when a letter is composed, never stored.
It never calls up: rooms above read the ledger.
"""
