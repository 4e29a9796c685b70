"""Old lists as other programs write them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailer.subscribers.old_list import LARGEST, Column, ListError, Standing, open_list, read_date


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "list.csv"
    file.write_bytes(text.encode(encoding))
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encoding_and_separator_are_found_out(tmp_path: Path, encoding: str, separator: str) -> None:
    lines = [["Name", "E-Mail", "Status"], ["José Peña", "jose@example.org", "subscribed"]]
    old = open_list(write(tmp_path, "\r\n".join(separator.join(line) for line in lines), encoding))
    assert [(row.line, row.address, row.standing) for row in old.rows()] == [
        (2, "jose@example.org", Standing.IN)
    ]


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("email,status,confirmed", [Column.ADDRESS, Column.STATUS, Column.CONFIRMED]),
        (
            "Email Address,First Name,CONFIRM_TIME,UNSUB_TIME",
            [Column.ADDRESS, Column.CONFIRMED, Column.OPTED_OUT],
        ),
        ("Correo electrónico", [None]),
        ("id,E-Mail,lang", [Column.ADDRESS, Column.LANGUAGE]),
    ],
)
def test_columns_are_known_by_many_names(tmp_path: Path, header: str, columns: list[Column | None]) -> None:
    file = write(tmp_path, f"{header}\na@example.org\n")
    if columns == [None]:
        named = {Column.ADDRESS: "correo ELECTRÓNICO"}
        assert list(open_list(file, named).columns.values()) == [Column.ADDRESS]
        return
    assert list(open_list(file).columns.values()) == columns


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,phone\nx,1\n", "--column address=NAME"),
        ("Ann,ann@example.org\nBob,bob@example.org\n", "first line names no columns"),
        ("", "no column of addresses"),
        ("PK\x03\x04", "no text"),
        ("email\na\x00b@example.org", "no text"),
    ],
)
def test_a_file_that_can_t_be_taken_says_what_to_do(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ListError, match=says):
        open_list(write(tmp_path, text))


def test_a_column_that_isn_t_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="no column is called 'mail2'; there are 'email', 'x'"):
        open_list(write(tmp_path, "email,x\n"), {Column.ADDRESS: "mail2"})


def test_a_file_that_isn_t_there_or_is_far_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="can't be read"):
        open_list(tmp_path / "none.csv")
    file = tmp_path / "large.csv"
    with file.open("wb") as stream:
        stream.truncate(LARGEST + 1)
    with pytest.raises(ListError, match="Split it"):
        open_list(file)


def test_a_bare_list_of_addresses_needs_no_header(tmp_path: Path) -> None:
    old = open_list(write(tmp_path, "a@example.org\nb@example.org\n\n"))
    assert [(row.line, row.address) for row in old.rows()] == [(1, "a@example.org"), (2, "b@example.org")]


@pytest.mark.parametrize(
    ("cells", "standing"),
    [
        ("subscribed,", Standing.IN),
        (",", Standing.IN),
        (",0000-00-00 00:00:00", Standing.IN),
        ("Unsubscribed,", Standing.OUT),
        ("subscribed,2020-01-01", Standing.OUT),
        ("cleaned,", Standing.OUT),
        ("pending,", Standing.WAITING),
        ("gold member,", Standing.UNCLEAR),
        ("pending,yes", Standing.OUT),
    ],
)
def test_any_sign_of_leaving_counts_more_than_all_others(
    tmp_path: Path, cells: str, standing: Standing
) -> None:
    old = open_list(write(tmp_path, f"email,status,opt-out\na@example.org,{cells}\n"))
    assert [row.standing for row in old.rows()] == [standing]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2023-05-01", datetime(2023, 5, 1, tzinfo=UTC)),
        ("2023-05-01T10:00:00+02:00", datetime(2023, 5, 1, 8, tzinfo=UTC)),
        (" 2023-05-01 10:00:00 ", datetime(2023, 5, 1, 10, tzinfo=UTC)),
        ("31.12.2022", datetime(2022, 12, 31, tzinfo=UTC)),
        ("31/12/2022 10:15", datetime(2022, 12, 31, tzinfo=UTC)),
        ("12/31/2022", None),
        ("yes", None),
        ("", None),
    ],
)
def test_dates_are_read_where_they_can_mean_one_day_only_or_the_day_stands_first(
    text: str, date: datetime | None
) -> None:
    assert read_date(text) == date


def test_lines_are_counted_as_an_editor_does_also_over_cells_with_line_breaks(tmp_path: Path) -> None:
    old = open_list(write(tmp_path, 'email,note\na@example.org,"two\nlines"\nb@example.org,x\n'))
    assert [row.line for row in old.rows()] == [3, 4]


def test_a_cell_without_end_is_said_with_its_line(tmp_path: Path) -> None:
    old = open_list(write(tmp_path, "email,note\n" + 'a@example.org,"' + "x" * 200_000))
    with pytest.raises(ListError, match="field larger than field limit"):
        list(old.rows())
