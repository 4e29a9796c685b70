"""The rooms that hold something about people, besides the room of subscribers: for export and erasure.

App, worker and commands hand this list down; a test walks the tables and fails when one is left out.
"""

from mailer.delivery import personal as letters
from mailer.digests import personal as digests
from mailer.subscribers.privacy import PersonalData

ROOMS: tuple[PersonalData, ...] = (letters, digests)
