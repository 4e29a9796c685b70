"""A newsletter service: people sign up, news comes in, each reader gets one merged digest.

The rooms stand on stairs, and an import only goes down: see docs/flow.md.
"""
