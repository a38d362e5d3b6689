"""The loader of CSV files for splits; what it refuses is in test_bad_input.py."""

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


def test_a_bad_row_is_one_sentence_with_file_row_and_column(tmp_path):
    content = GOOD + "So so.,postive\n"
    with pytest.raises(TutorialError) as caught:
        load(tmp_path, content, label_names=["negative", "positive"])
    message = str(caught.value)
    assert f"{tmp_path / 'train.csv'}, row 4, column 'label': 'postive' is not one" in message
    assert "\n" not in message


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
