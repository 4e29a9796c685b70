"""Links are built from the settings and carry one right each."""

from mailer.links import Links
from mailer.tools.tokens import Purpose
from tests.conftest import make_settings

LINKS = Links(make_settings())


def test_a_link_names_neither_reader_nor_address() -> None:
    assert LINKS.unsubscribe(12).startswith("https://news.example.org/unsubscribe/")
    assert "@" not in LINKS.unsubscribe(12)


def test_each_link_reads_back_to_its_number_at_its_own_purpose_only() -> None:
    made = {
        Purpose.CONFIRM: LINKS.confirm(3),
        Purpose.REFUSE: LINKS.refuse(3),
        Purpose.PREFERENCES: LINKS.preferences(3),
        Purpose.UNSUBSCRIBE: LINKS.unsubscribe(3),
        Purpose.UNDO: LINKS.undo(3),
        Purpose.REASON: LINKS.reason(3),
        Purpose.NEW_ADDRESS: LINKS.new_address(3),
        Purpose.MOVE: LINKS.move(3),
    }
    for purpose, link in made.items():
        token = link.rsplit("/", 1)[1]
        assert [LINKS.read(other, token) for other in made] == [
            3 if other is purpose else None for other in made
        ]


def test_the_latest_page_leaves_out_what_was_not_chosen() -> None:
    assert LINKS.latest(region="lac,asia", kind="") == "https://news.example.org/latest?region=lac%2Casia"
