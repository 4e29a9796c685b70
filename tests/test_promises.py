"""The tables in docs/ that name a test for each promise: every test that they name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_NAMED = re.compile(r"\btest_[a-z0-9_]+\b(?!\.py)(…?)")
_TESTS = {
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"def (test_\w+)", file.read_text("utf-8"))
}


@pytest.mark.parametrize("document", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_every_test_that_a_table_names_is_there(document: Path) -> None:
    text = document.read_text("utf-8")
    for named in _NAMED.finditer(text):
        name = named.group().rstrip("…")
        found = any(test.startswith(name) for test in _TESTS) if named.group(1) else name in _TESTS
        assert found, f"{document.name} names {named.group()}, which is no test"
    for file in re.findall(r"\btest_[a-z0-9_]+\.py", text):
        assert list((ROOT / "tests").rglob(file)), f"{document.name} names {file}, which isn't there"
