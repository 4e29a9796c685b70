"""What an operator types, and what is answered: results, or one sentence that says what to do."""

import json
from pathlib import Path

import pytest

from tests.journeys.operator import FEED, Operator

ARTICLE = """<html lang="en"><head><title>A bridge in Benin</title>
<meta property="og:title" content="A bridge in Benin">
<meta property="article:published_time" content="2026-11-20T09:00:00Z">
<meta property="og:url" content="https://www.example.org/bridge">
<meta property="og:description" content="It is open."></head><body><h1>A bridge in Benin</h1>
<p>It is open.</p></body></html>"""


@pytest.fixture
def ready(operator: Operator) -> Operator:
    assert operator.types("migrate").status == 0
    return operator


# ── wrong settings ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("public_url", "example.org", "MAILER_PUBLIC_URL"),
        ("confirm_days", "many", "MAILER_CONFIRM_DAYS"),
        ("brand_color", "blue", "#1d4f91"),
        ("database_url", "mysql://x/y", "only sqlite and postgresql"),
        ("database_url", "nonsense", "sqlite:///mailer.db"),
        ("database_url", "postgresql://me:hidden@127.0.0.1:1/x", "Is the server running"),
        ("database_url", "sqlite:////dev/null/mailer.db", "MAILER_DATABASE_URL"),
        ("database_url", "sqlite:////proc/mailer.db", "MAILER_DATABASE_URL"),
        ("database_url", f"sqlite:///{FEED}", "not a database"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_write(
    operator: Operator, name: str, value: str, words: str
) -> None:
    operator.set(**{name: value})
    said = operator.types("news", "feed", "list")
    assert said.status in {1, 2}
    assert words in said.words
    assert "Traceback" not in said.words
    assert "hidden" not in said.words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"MAILER_SENDER=caf\xe9\n", "UTF-8"),
        (b"\x00\x01\xff", "UTF-8"),
        (b"MAILER_ORGANISATION=Us\nthis is no setting\n", "line 2"),
        (b'MAILER_ORGANISATION="never ends\n', "line 1"),
    ],
)
def test_an_unreadable_dot_env_is_named_with_its_line(
    operator: Operator, tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / ".env").write_bytes(content)
    said = operator.types("news", "feed", "list")
    assert said.status == 2
    assert words in said.words
    assert ".env" in said.words


def test_a_dot_env_that_is_a_folder_is_said_so(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    said = operator.types("news", "feed", "list")
    assert (said.status, "can't be read" in said.words) == (2, True)


def test_a_database_that_is_not_ready_says_migrate(operator: Operator) -> None:
    said = operator.types("subscribers", "list")
    assert (said.status, "mailer migrate" in said.words) == (1, True)


def test_an_unknown_relay_scheme_says_what_to_write(ready: Operator) -> None:
    ready.set(relays="ftp://relay.example.org")
    said = ready.types("digest", "run")
    assert said.status == 1
    assert "smtp://host:587" in said.words


def test_without_a_relay_nothing_is_sent_and_the_setting_is_named(ready: Operator) -> None:
    said = ready.types("digest", "run")
    assert (said.status, "MAILER_RELAYS" in said.words) == (1, True)


@pytest.mark.parametrize("part", ["web", "worker"])
def test_on_sqlite_the_parts_refuse_to_run_apart(ready: Operator, part: str) -> None:
    said = ready.types(part)
    assert said.status == 2
    assert "mailer serve" in said.words


@pytest.mark.parametrize("listen", ["127.0.0.1", "127.0.0.1:99999", "nowhere.invalid:80"])
def test_an_address_that_cannot_be_used_is_named(ready: Operator, listen: str) -> None:
    ready.set(listen=listen)
    said = ready.types("serve")
    assert (said.status, "MAILER_LISTEN" in said.words) == (1, True)


# ── news ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_feed_that_is_none_is_refused_and_the_others_are_read(ready: Operator, tmp_path: Path) -> None:
    (tmp_path / "page.xml").write_text("<html><body>Not a feed</body></html>")
    assert ready.types("news", "feed", "add", str(tmp_path / "gone.xml")).status == 1
    assert ready.types("news", "feed", "add", "ftp://example.org/feed").status == 1
    for file in (tmp_path / "page.xml", FEED):
        assert ready.types("news", "feed", "add", str(file), "--kind", "news").status == 0
    said = ready.types("news", "poll")
    assert said.status == 0
    assert f"✗ {tmp_path / 'page.xml'}" in said.words
    assert "19 history" in said.words
    assert ready.types("news", "feed", "remove", str(FEED)).status == 0
    assert ready.types("news", "feed", "remove", str(FEED)).status == 1


def test_an_article_with_a_label_that_nobody_knows_waits_until_it_is_explained(
    ready: Operator, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    page.write_text(ARTICLE)
    said = ready.types("news", "add", str(page), "--kind", "news", "--region", "africa")
    assert (said.status, "A bridge in Benin" in said.words) == (0, True), said.words
    assert "is there already" in ready.types("news", "add", str(page)).words
    assert ready.types("news", "add", str(tmp_path / "gone.html")).status == 1

    feed = tmp_path / "feed.xml"
    feed.write_text(FEED.read_text().replace("<category>LAC</category>", "<category>Sahel</category>"))
    ready.types("news", "feed", "add", str(feed), "--kind", "news", "--announce-first")
    assert "Sahel" in ready.types("news", "poll").words
    assert "Sahel" in ready.types("news", "labels").words
    assert ready.types("news", "label", "Sahel").status == 2
    assert "africa" in ready.types("news", "label", "Sahel", "--region", "atlantis").words
    assert "3 items" in ready.types("news", "label", "Sahel", "--region", "africa").words
    assert "None waits" in ready.types("news", "labels").words


# ── choices ─────────────────────────────────────────────────────────────────────────────────────────


def test_choices_are_taken_whole_or_not_at_all(ready: Operator, tmp_path: Path) -> None:
    file = tmp_path / "choices.toml"
    file.write_text("[[regions]]\ncode = 'NOT a code'\n")
    said = ready.types("choices", "load", str(file))
    assert (said.status, "number 1" in said.words) == (1, True)
    assert ready.types("choices", "load", str(tmp_path / "gone.toml")).status == 2
    assert "eeca" in ready.types("choices", "show").words
    file.write_text(
        "[[regions]]\ncode = 'here'\nname.en = 'Here'\n[[kinds]]\ncode = 'news'\nname.en = 'News'\n"
        "[schedules]\ndaily = { hour = 7 }\n"
    )
    assert ready.types("choices", "load", str(file)).status == 0
    shown = ready.types("choices", "show").words
    assert "Here" in shown
    assert "every day at 7:00" in shown
    assert "LAC" not in shown


# ── readers ─────────────────────────────────────────────────────────────────────────────────────────


def test_readers_are_listed_shown_exported_and_let_go(ready: Operator) -> None:
    ready.has_readers(["alice@readers.example", "bob@readers.example"])
    listed = ready.types("subscribers", "list", "--region", "LAC", "--status", "confirmed")
    assert "2 readers" in listed.words
    assert ready.types("subscribers", "unsubscribe", "bob@readers.example").status == 0
    assert "already" in ready.types("subscribers", "unsubscribe", "bob@readers.example").words
    assert "1 readers" in ready.types("subscribers", "list", "--status", "confirmed").words
    lines = ready.types("subscribers", "export", "--status", "unsubscribed").out.splitlines()
    assert lines[0].startswith("address,status,")
    assert [line.split(",")[:2] for line in lines[1:]] == [["bob@readers.example", "unsubscribed"]]
    assert "unsubscribed by admin" in ready.types("subscribers", "show", "bob@readers.example").words
    known = json.loads(ready.types("subscribers", "export", "bob@readers.example").out)
    assert known["address"] == "bob@readers.example"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("list", "--region", "atlantis"), "there are africa"),
        (("list", "--status", "happy"), "confirmed"),
        (("show", "nobody@readers.example"), "Nobody here"),
        (("show", "no address"), "no mail address"),
        (("unsubscribe", "nobody@readers.example"), "Nobody here"),
    ],
)
def test_words_that_fit_nothing_are_answered_with_those_that_do(
    ready: Operator, command: tuple[str, ...], words: str
) -> None:
    said = ready.types("subscribers", *command)
    assert said.status in {1, 2}
    assert words in said.words


# ── digests ─────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_next_digest_holds_is_explained_item_by_item(ready: Operator) -> None:
    ready.types("news", "feed", "add", str(FEED), "--kind", "news", "--announce-first")
    ready.types("news", "poll")
    ready.has_readers(["alice@readers.example"])
    said = ready.types("digest", "explain", "alice@readers.example")
    assert "next digest is weekly" in said.words
    assert said.words.count("goes") == 19
    assert "No digest" in ready.types("digest", "status").words
    ready.types("subscribers", "unsubscribe", "alice@readers.example")
    assert "gets no digest" in ready.types("digest", "explain", "alice@readers.example").words


def test_letters_in_doubt_and_a_restored_database_wait_for_the_operator(ready: Operator) -> None:
    assert "0 letters are due again" in ready.types("digest", "resend").words
    assert "Accepted" in ready.types("digest", "accept-restored").words


def test_help_names_every_command(operator: Operator) -> None:
    said = operator.types("--help")
    assert said.status == 0
    for command in ("demo", "serve", "web", "worker", "migrate", "news", "digest", "subscribers", "choices"):
        assert command in said.words


# ── the form on other sites, and the front door ─────────────────────────────────────────────────────


def test_a_snippet_is_printed_ready_to_copy(ready: Operator) -> None:
    assert '<form action="http' in ready.types("form", "snippet").out
    for way in ("script", "iframe"):
        said = ready.types("form", "snippet", f"--{way}")
        assert f"<{way} " in said.out
        assert "MAILER_EMBED_SITES" in said.err
    assert "<a href=" in ready.types("form", "snippet", "--link").out
    assert ready.types("form", "snippet", "--link", "--iframe").status == 2
    assert "not on offer" in ready.types("form", "snippet", "--language", "tlh").words


def test_bursts_and_refusals_are_answered_in_words(ready: Operator) -> None:
    assert "No burst" in ready.types("subscribers", "bursts").words
    since = ("--since", "2026-11-23T09:00:00")
    assert "Nobody left" in ready.types("subscribers", "undo-unsubscribes", "192.0.2.0/24", *since).words
    assert "was not refused" in ready.types("subscribers", "allow", "anna@example.org").words
    assert ready.types("subscribers", "allow", "anna").status == 2
