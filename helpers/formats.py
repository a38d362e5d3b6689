"""The formats that `helpers.tables.read_table` reads; every row is kept or the file is refused."""

import codecs
import csv
import io
import json
import re
import reprlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from helpers.errors import TutorialError

UTF_8 = "save the file again as UTF-8 (a spreadsheet calls it 'CSV UTF-8')"
csv.field_size_limit(2**31 - 1)  # Python's own limit, 131,072 characters, would refuse long texts


def from_csv(path: Path, content: bytes, delimiter: str = ",") -> pd.DataFrame:
    """Return the cells of a CSV file as they were written. The index counts as a spreadsheet does.

    Where the first row has semicolons and no comma, as spreadsheets write it in much of Europe,
    semicolons separate the cells.

    Raises:
        TutorialError: not UTF-8 or not valid CSV, a row with more or fewer columns than the header,
            or two columns of one name.
    """
    if content.startswith(b"PK\x03\x04"):
        raise TutorialError(
            f"{path}, row 1: this is a zip archive or an Excel workbook, not text; unpack it, or "
            "save the sheet as 'CSV UTF-8'."
        )
    top = re.match(rb"\s*([^\r\n]*)", content)[1]
    if delimiter == "," and b";" in top and b"," not in top:
        delimiter = ";"
    text = _decode(path, content.removeprefix(codecs.BOM_UTF8), delimiter)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, number = {}, 0
    try:
        for number, row in enumerate(reader, start=1):
            if row:  # an empty line is no row
                rows[number] = row
    except csv.Error as error:
        raise TutorialError(
            f"{path}, row {number + 1}: not valid CSV ({error}); close each double quote, and "
            "write one inside of a text twice."
        ) from None
    first = min(rows, default=1)
    header = rows.pop(first, [])
    for number, row in rows.items():
        if len(row) != len(header):
            raise TutorialError(
                f"{path}, row {number}: {len(row)} cells, while the header has {len(header)}; fill "
                "in what is missing, or put a text that holds the separator or a line break in "
                "double quotes."
            )
    _check_unique(header, f"{path}, row {first}")
    return pd.DataFrame(list(rows.values()), index=pd.Index(rows, name="row"), columns=header)


def _decode(path: Path, content: bytes, delimiter: str) -> str:
    """Return the text of UTF-8 bytes that hold no NUL."""
    try:
        good, nul, _ = content.decode().partition("\0")
        problem = "the character NUL, as in binary files and UTF-16"
        if not nul:
            return good
    except UnicodeDecodeError as error:
        good = content[: error.start].decode()
        problem = f"byte 0x{content[error.start]:02x} is not UTF-8"
    rows = list(csv.reader(io.StringIO(good + "?", newline=""), delimiter=delimiter))
    header, place = next(filter(None, rows)), len(rows[-1]) - 1
    is_named = rows[-1] is not header and place < len(header)
    column = reprlib.repr(header[place]) if is_named else place + 1
    raise TutorialError(f"{path}, row {len(rows)}, column {column}: {problem}; {UTF_8}.")


def from_json_lines(path: Path, content: bytes) -> pd.DataFrame:
    """Return one row for each line, with JSON's types. The index is the number of the line.

    Raises:
        TutorialError: not UTF-8, or a line is not one object of which each key occurs once.
    """
    rows = {}
    for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            rows[number] = json.loads(line.decode(), object_pairs_hook=_as_dict)
            problem = None if isinstance(rows[number], dict) else "found another value"
        except UnicodeDecodeError:
            raise TutorialError(f"{path}, row {number}: not UTF-8; {UTF_8}.") from None
        except (ValueError, RecursionError) as error:
            problem = getattr(error, "msg", error)
        if problem:
            raise TutorialError(
                f"{path}, row {number}: not one JSON object on one line ({problem}); write the "
                'table with pandas: frame.to_json(path, orient="records", lines=True).'
            )
    return pd.DataFrame(list(rows.values()), index=pd.Index(rows, name="row"), dtype=object)


def _as_dict(pairs: list[tuple]) -> dict:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key occurs twice")
    if half := re.search("[\ud800-\udfff]", "".join(result)):  # as "\ud83c" alone, which is no text
        raise ValueError(f"a key holds {half[0]!r}, half of a character")
    return result


def from_excel(path: Path, content: bytes) -> pd.DataFrame:
    """Return the first sheet of a workbook, with Excel's types; empty cells are "".

    Rows without any value are left out, as empty lines of a CSV file are.

    Raises:
        TutorialError: openpyxl is not installed, or the file is no workbook.
    """
    options = {"header": None, "dtype": object, "na_filter": False, "engine": "openpyxl"}
    try:
        sheet = pd.read_excel(io.BytesIO(content), **options)
    except ImportError:
        raise TutorialError(
            f"{path} needs a package that is missing: run  pip install openpyxl , or save the "
            "sheet as 'CSV UTF-8'."
        ) from None
    except Exception:  # a damaged archive raises errors of a dozen unrelated families
        raise TutorialError(
            f"{path} is no Excel workbook that can be read: open it in a spreadsheet and save it "
            "again, or as 'CSV UTF-8'."
        ) from None
    sheet = sheet.set_axis(pd.Index(sheet.index + 1, name="row"))
    sheet = sheet[(sheet != "").any(axis="columns")]
    header = [str(name) for name in sheet.iloc[:1].to_numpy().ravel()]
    if header:
        _check_unique(header, f"{path}, row {sheet.index[0]}")
    return sheet.iloc[1:].set_axis(header, axis="columns")


def _check_unique(names: Sequence[str], where: str) -> None:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise TutorialError(
                f"{where}: two columns are called {reprlib.repr(name)}; rename one of them."
            )
