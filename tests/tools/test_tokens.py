"""Tokens: one right each, unforgeable, and valid over a change of secret."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.tools.tokens import Keyring, Purpose

OLD, NEW = "o" * 32, "n" * 32
RING = Keyring([NEW])


@given(st.from_regex(r"[0-9a-z-]{1,80}", fullmatch=True), st.sampled_from(Purpose))
def test_a_token_says_its_subject_to_its_purpose(subject: str, purpose: Purpose) -> None:
    assert RING.read(purpose, RING.sign(purpose, subject)) == subject


@given(st.integers(0, 10**18), st.sampled_from(Purpose))
def test_who_signs_many_numbers_signs_them_alike(number: int, purpose: Purpose) -> None:
    assert RING.signer(purpose)(number).decode() == RING.sign(purpose, str(number))


@pytest.mark.parametrize(("made_for", "tried_at"), list(permutations(Purpose, 2)))
def test_a_token_opens_no_other_right(made_for: Purpose, tried_at: Purpose) -> None:
    assert RING.read(tried_at, RING.sign(made_for, "42")) is None


def test_a_token_with_any_character_changed_is_refused() -> None:
    token = RING.sign(Purpose.UNSUBSCRIBE, "42")
    for place in range(len(token)):
        for other in "A0-_.z\n\x00é":
            if other != token[place]:
                changed = token[:place] + other + token[place + 1 :]
                assert RING.read(Purpose.UNSUBSCRIBE, changed) is None, changed


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a" * 5000, "ab.42.", " " + RING.sign(Purpose.CONFIRM, "1")]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert RING.read(Purpose.CONFIRM, token) is None


def test_an_older_secret_still_opens_its_links_and_the_newer_one_signs() -> None:
    old_link = Keyring([OLD]).sign(Purpose.UNSUBSCRIBE, "7")
    both = Keyring([NEW, OLD])
    assert both.read(Purpose.UNSUBSCRIBE, old_link) == "7"
    assert both.sign(Purpose.UNSUBSCRIBE, "7") == Keyring([NEW]).sign(Purpose.UNSUBSCRIBE, "7")
    assert Keyring([NEW]).read(Purpose.UNSUBSCRIBE, old_link) is None


def test_the_code_is_128_bits() -> None:
    assert len(RING.code(Purpose.CONFIRM, "1")) == 22


def test_secrets_never_show_in_a_repr() -> None:
    assert NEW not in repr(RING)
    assert NEW not in repr(vars(RING)["_keys"])


@pytest.mark.parametrize("subject", ["", "A", "a b", "a.b", "é", "x" * 81])
def test_a_subject_that_would_not_read_back_is_refused(subject: str) -> None:
    with pytest.raises((ValueError, UnicodeEncodeError)):
        RING.sign(Purpose.CONFIRM, subject)
