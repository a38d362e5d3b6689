"""What `data/README.md` promises of the film reviews."""

import csv
import re
from collections import Counter, defaultdict

import pytest

from helpers.data import REVIEW_LABELS, REVIEWS, SPLITS

ROWS_AT_LEAST = {"train": 1200, "validation": 300, "test": 300}
PHENOMENA = {"plain", "negation", "contrast", "irony", "comparison", "faint_praise", "mixed"}


def read(split):
    with REVIEWS[split].open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS = {split: read(split) for split in SPLITS}
ALL = [row for split in SPLITS for row in ROWS[split]]


def words(text):
    return re.findall(r"[a-z0-9']+", text.lower())


def trigrams(text):
    found = words(text)
    return set(zip(found, found[1:], found[2:], strict=False)) or {tuple(found)}


@pytest.mark.parametrize("split", SPLITS)
def test_columns_size_and_balance(split):
    rows = ROWS[split]
    assert set(rows[0]) == {"text", "label", "phenomenon"}
    assert len(rows) >= ROWS_AT_LEAST[split]
    counts = Counter(row["label"] for row in rows)
    assert set(counts) == set(REVIEW_LABELS)
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("split", SPLITS)
def test_every_phenomenon_is_in_every_split_under_two_labels(split):
    labels = defaultdict(set)
    for row in ROWS[split]:
        labels[row["phenomenon"]].add(row["label"])
    assert set(labels) == PHENOMENA
    assert all(len(found) >= 2 for found in labels.values())


def test_lengths():
    lengths = sorted(len(row["text"].split()) for row in ALL)
    assert lengths[0] >= 3 and lengths[-1] <= 60
    tenth, ninetieth = lengths[len(lengths) // 10], lengths[len(lengths) * 9 // 10]
    assert tenth <= 9 and ninetieth >= 28, "short and long texts both belong in"


def test_characters():
    for row in ALL:
        assert row["text"] == row["text"].strip()
        assert row["text"].isprintable(), row["text"]


def test_no_text_twice_and_no_near_duplicates():
    grams = [trigrams(row["text"]) for row in ALL]
    places = defaultdict(list)
    for i, own in enumerate(grams):
        candidates = Counter(j for gram in own for j in places[gram])
        for j, common in candidates.items():
            overlap = common / len(own | grams[j])
            assert overlap < 0.5, f"{ALL[i]['text']!r} and {ALL[j]['text']!r}"
        for gram in own:
            places[gram].append(i)


def test_no_frequent_word_gives_the_label_away():
    labels = defaultdict(Counter)
    for row in ROWS["train"]:
        for word in set(words(row["text"])):
            labels[word][row["label"]] += 1
    for word, counts in labels.items():
        if counts.total() >= 0.02 * len(ROWS["train"]):
            assert max(counts.values()) / counts.total() < 0.75, (word, dict(counts))


def test_openings_vary():
    openings = Counter(" ".join(words(row["text"])[:2]) for row in ALL)
    assert openings.most_common(1)[0][1] < 0.02 * len(ALL)


def test_lengths_do_not_give_the_label_away():
    means = {
        label: sum(len(r["text"].split()) for r in ALL if r["label"] == label)
        / sum(r["label"] == label for r in ALL)
        for label in REVIEW_LABELS
    }
    assert max(means.values()) < 1.25 * min(means.values()), means
