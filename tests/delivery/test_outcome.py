"""From a reply to what became of the letter: a table, and what must hold for every reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.delivery.outcome import (
    REPLY_LENGTH,
    Accepted,
    Deferred,
    Outcome,
    Rejected,
    Step,
    clean,
    judge,
)

TABLE: list[tuple[Step, int, str, str, str]] = [
    # the recipient's mailbox: the enhanced code first, else the basic code of RCPT
    (Step.RCPT, 550, "5.1.1 No such user", "Rejected", "recipient"),
    (Step.RCPT, 550, "5.1.10 Null MX", "Rejected", "recipient"),
    (Step.RCPT, 550, "5.2.1 Disabled", "Rejected", "recipient"),
    (Step.RCPT, 550, "No such user here", "Rejected", "recipient"),
    (Step.RCPT, 553, "", "Rejected", "recipient"),
    (Step.RCPT, 556, "5.1.10 No mail here", "Rejected", "recipient"),
    (Step.RCPT, 450, "4.2.1 Too much mail for this user", "Deferred", "recipient"),
    (Step.RCPT, 451, "Local error", "Deferred", "recipient"),
    (Step.RCPT, 452, "4.2.2 Over quota", "Deferred", "recipient"),
    (Step.RCPT, 552, "Too many recipients", "Deferred", "recipient"),  # §4.5.3.1.10
    (Step.RCPT, 552, "5.2.2 Over quota", "Deferred", "recipient"),
    (Step.RCPT, 450, "4.7.1 <a@b>: Recipient address rejected: Greylisted", "Deferred", "recipient"),
    (Step.CONTENT, 451, "4.7.1 Greylisting in action", "Deferred", "recipient"),
    (Step.CONTENT, 550, "5.1.1 The address that you tried to reach does not exist", "Rejected", "recipient"),
    # policy, the letter itself, our own address, the protocol: never the recipient's fault
    (Step.RCPT, 550, "5.7.1 Relaying denied", "Rejected", "sender"),
    (Step.RCPT, 550, "5.7.1 Your greylisting score is bad", "Rejected", "sender"),
    (Step.RCPT, 550, "5.1.8 Sender rejected", "Rejected", "sender"),
    (Step.RCPT, 421, "4.7.28 Unusual rate", "Deferred", "relay"),
    (Step.RCPT, 450, "4.7.28 Unusual rate", "Deferred", "sender"),
    (Step.RCPT, 503, "5.5.1 Bad sequence", "Rejected", "sender"),
    (Step.RCPT, 554, "Go away", "Rejected", "sender"),
    (Step.MAIL, 550, "5.1.1 Strange place to say so", "Rejected", "sender"),
    (Step.MAIL, 452, "4.3.1 Disk full", "Deferred", "sender"),
    (Step.DATA, 554, "No valid recipients", "Rejected", "sender"),
    (Step.CONTENT, 552, "5.3.4 Too big", "Rejected", "sender"),
    (Step.CONTENT, 554, "5.7.9 Not signed", "Rejected", "sender"),
    (Step.CONTENT, 550, "Looks like spam", "Rejected", "sender"),
    (Step.CONTENT, 451, "4.3.0 Try again", "Deferred", "sender"),
    # a login that is missing, or a relay that goes: no letter is to blame
    (Step.MAIL, 530, "5.7.0 Authentication required", "Deferred", "relay"),
    (Step.MAIL, 535, "5.7.8 Bad credentials", "Deferred", "relay"),
    (Step.MAIL, 421, "4.3.2 Shutting down", "Deferred", "relay"),
]


@pytest.mark.parametrize(("step", "code", "text", "kind", "blame"), TABLE)
def test_a_reply_says_what_became_of_the_letter_and_who_is_to_blame(
    step: Step, code: int, text: str, kind: str, blame: str
) -> None:
    outcome = judge(step, code, text)
    assert isinstance(outcome, Deferred | Rejected)
    assert (type(outcome).__name__, outcome.blame, outcome.code, outcome.reply) == (kind, blame, code, text)


def test_only_a_good_reply_to_the_content_means_accepted() -> None:
    assert judge(Step.CONTENT, 250, "2.0.0 Ok: queued as 4T1") == Accepted("2.0.0 Ok: queued as 4T1")
    refusals: list[Outcome] = [judge(step, 250, "Ok") for step in Step if step is not Step.CONTENT]
    assert not any(isinstance(outcome, Accepted) for outcome in refusals)


@given(st.sampled_from(list(Step)), st.integers(400, 599), st.text(max_size=40))
def test_a_4xx_never_rejects_and_a_policy_reply_never_blames_the_recipient(
    step: Step, code: int, text: str
) -> None:
    outcome = judge(step, code, text)
    assert isinstance(outcome, Deferred | Rejected)
    if code < 500:
        assert isinstance(outcome, Deferred)
    policy = judge(step, code, f"5.7.1 {text}")
    assert isinstance(policy, Deferred | Rejected)
    assert policy.blame != "recipient" or code < 500


@given(st.text())
def test_a_reply_is_kept_as_one_short_printable_line(text: str) -> None:
    line = clean(text)
    assert line.isprintable()
    assert len(line) <= REPLY_LENGTH
    assert "\n" not in clean("bad\r\nX-Header: yes\x1b[31m")
