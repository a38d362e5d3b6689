"""The CSV loader: every row is kept, or one sentence says why the file is refused."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import data
from helpers.errors import TutorialError

GOOD = "text,label\nA fine film.,positive\nA poor film.,negative\n"


def load(tmp_path, content, **options):
    path = tmp_path / "train.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return data.load_csv({"train": path}, **options)["train"]


def refused(tmp_path, content, *parts, **options):
    """Assert that loading fails with one sentence that holds the file and all parts."""
    with pytest.raises(TutorialError) as caught:
        load(tmp_path, content, **options)
    message = str(caught.value)
    assert "train.csv" in message and "\n" not in message
    for part in parts:
        assert part in message, message


def test_good_file(tmp_path):
    table = load(tmp_path, GOOD)
    assert table["text"][:] == ["A fine film.", "A poor film."]
    assert table.features["label"].names == ["negative", "positive"]
    assert table["label"][:] == [1, 0]


def test_byte_order_mark_and_other_column_names(tmp_path):
    content = GOOD.replace("text,label", "review,stars").encode("utf-8-sig")
    table = load(tmp_path, content, text_column="review", label_column="stars")
    assert table.column_names == ["text", "label"]


def test_label_names_fix_the_ids(tmp_path):
    table = load(tmp_path, GOOD, label_names=["positive", "neutral", "negative"])
    assert table["label"][:] == [0, 2]


def test_quoted_commas_quotes_and_line_breaks(tmp_path):
    table = load(tmp_path, 'text,label\n"One, ""two""\nthree.",a\nFour,b\n')
    assert table["text"][0] == 'One, "two"\nthree.'


def test_missing_column(tmp_path):
    refused(tmp_path, GOOD.replace("label", "lable"), "row 1", "'label'", "'text', 'lable'")


def test_unknown_label(tmp_path):
    refused(tmp_path, GOOD + "So so.,postive\n", "row 4", "column 'label'", "'postive'",
            label_names=["negative", "positive"])  # fmt: skip


@pytest.mark.parametrize("text", ["", "   ", "\t"])
def test_empty_text(tmp_path, text):
    refused(tmp_path, f"{GOOD}{text},positive\n", "row 4", "column 'text'", "empty")


def test_empty_label(tmp_path):
    refused(tmp_path, f"{GOOD}Fine.,\n", "row 4", "column 'label'", "empty")


def test_wrong_encoding(tmp_path):
    content = GOOD.encode() + "Très bien.,positive\n".encode("latin-1")
    refused(tmp_path, content, "row 4", "column 'text'", "0xe8", "UTF-8")


def test_wrong_encoding_in_the_second_column(tmp_path):
    content = "text,label\nGood,café\n".encode("latin-1")
    refused(tmp_path, content, "row 2", "column 'label'", "0xe9")


def test_wrong_encoding_in_the_header(tmp_path):
    refused(tmp_path, "texté,label\nGood,a\n".encode("latin-1"), "row 1", "0xe9")


def test_utf_16(tmp_path):
    refused(tmp_path, GOOD.encode("utf-16"), "row 1", "0xff", "UTF-8")


def test_single_class(tmp_path):
    refused(tmp_path, "text,label\nA,good\nB,good\n", "rows 2 to 3", "'good'", "two labels")


@pytest.mark.parametrize("row", ["only one field", "a,b,c"])
def test_ragged_row(tmp_path, row):
    refused(tmp_path, f"{GOOD}{row}\n", "row 4", "2 columns")


def test_unclosed_quote(tmp_path):
    refused(tmp_path, GOOD + '"never closed,positive\n', "not valid CSV")


@pytest.mark.parametrize("content", ["", "text,label\n"])
def test_no_rows(tmp_path, content):
    refused(tmp_path, content, "row 1")


def test_missing_file(tmp_path):
    with pytest.raises(TutorialError, match="does not exist"):
        data.load_csv({"train": tmp_path / "nothing.csv"})


def test_second_split_must_use_the_labels_of_the_first(tmp_path):
    (tmp_path / "train.csv").write_text(GOOD)
    (tmp_path / "test.csv").write_text("text,label\nA,positive\nB,neutral\n")
    files = {"train": tmp_path / "train.csv", "test": tmp_path / "test.csv"}
    with pytest.raises(TutorialError, match="test.csv, row 3.*'neutral'"):
        data.load_csv(files)


CELL = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.sampled_from("\t\r\n"))


@given(texts=st.lists(CELL.filter(str.strip), min_size=2, max_size=8))
def test_any_texts_come_back_unchanged(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("csv") / "train.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([text, "ab"[i % 2]] for i, text in enumerate(texts))
    assert data.load_csv({"train": path})["train"]["text"][:] == texts


def test_reviews_are_loaded_with_their_labels():
    dataset = data.load_sentences("small")
    assert list(dataset) == list(data.SPLITS)
    assert dataset["train"].features["label"].names == list(data.REVIEW_LABELS)
