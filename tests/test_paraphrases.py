"""What `data/README.md` promises of the sentence pairs."""

import csv
import re
from collections import Counter, defaultdict

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from helpers.data import PARAPHRASE_LABELS, PARAPHRASES, SPLITS

ROWS_AT_LEAST = {"train": 600, "validation": 150, "test": 150}
SENTENCES = ("sentence1", "sentence2")


def read(split):
    with PARAPHRASES[split].open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS = {split: read(split) for split in SPLITS}
ALL = [row for split in SPLITS for row in ROWS[split]]


def words(text):
    return re.findall(r"[\w']+", text.lower())


def trigrams(text):
    found = words(text)
    return set(zip(found, found[1:], found[2:], strict=False)) or {tuple(found)}


def overlap(row):
    """Return the share of the words of the sentence with fewer words that the other has too."""
    first, second = (set(words(row[name])) for name in SENTENCES)
    return len(first & second) / min(len(first), len(second))


def equivalent(rows):
    return np.array([row["label"] == "equivalent" for row in rows])


@pytest.mark.parametrize("split", SPLITS)
def test_columns_size_and_labels(split):
    rows = ROWS[split]
    assert list(rows[0]) == [*SENTENCES, "label"]
    assert len(rows) >= ROWS_AT_LEAST[split]
    assert {row["label"] for row in rows} == set(PARAPHRASE_LABELS)
    assert 0.55 < equivalent(rows).mean() < 0.65


def test_characters_and_lengths():
    for row in ALL:
        for name in SENTENCES:
            assert row[name] == row[name].strip()
            assert row[name].isprintable(), row[name]
            assert 5 <= len(row[name].split()) <= 40, row[name]


def test_no_sentence_twice():
    counts = Counter(" ".join(words(row[name])) for row in ALL for name in SENTENCES)
    assert len(counts) == 2 * len(ALL), counts.most_common(3)


def test_no_near_duplicates_across_pairs():
    """The two sentences of one pair may share nearly all words; those of two pairs may not."""
    sentences = [(pair, row[name]) for pair, row in enumerate(ALL) for name in SENTENCES]
    grams = [trigrams(text) for _, text in sentences]
    places = defaultdict(list)
    for i, own in enumerate(grams):
        candidates = Counter(j for gram in own for j in places[gram])
        for j, common in candidates.items():
            if sentences[i][0] != sentences[j][0]:
                assert common / len(own | grams[j]) < 0.5, (sentences[i], sentences[j])
        for gram in own:
            places[gram].append(i)


@pytest.mark.parametrize("split", SPLITS)
def test_both_labels_have_high_and_low_word_overlap(split):
    high = np.array([overlap(row) >= 0.55 for row in ROWS[split]])
    label = equivalent(ROWS[split])
    assert 0.4 < high[~label].mean() < 0.6, "half of the non-paraphrases share most words"
    assert 0.4 < 1 - high[label].mean() < 0.6, "half of the paraphrases share few"


def test_word_overlap_does_not_give_the_label_away():
    """Even a threshold that is chosen on the test split itself stays below 70%."""
    label = equivalent(ROWS["test"])
    shares = np.array([overlap(row) for row in ROWS["test"]])
    best = 0
    for threshold in np.linspace(0, 1.01, 102):
        right = ((shares >= threshold) == label).mean()
        best = max(best, right, 1 - right)
    assert best < 0.7


@pytest.mark.parametrize("name", SENTENCES)
def test_one_sentence_alone_does_not_give_the_label_away(name):
    counts = CountVectorizer(ngram_range=(1, 2))
    seen = counts.fit_transform(row[name] for row in ROWS["train"])
    model = LogisticRegression(max_iter=2000).fit(seen, equivalent(ROWS["train"]))
    label = equivalent(ROWS["test"])
    accuracy = model.score(counts.transform(row[name] for row in ROWS["test"]), label)
    assert accuracy <= max(label.mean(), 1 - label.mean()) + 0.08


def test_lengths_do_not_give_the_label_away():
    for name in SENTENCES:
        lengths = defaultdict(list)
        for row in ALL:
            lengths[row["label"]].append(len(row[name].split()))
        means = [np.mean(found) for found in lengths.values()]
        assert max(means) < 1.1 * min(means), (name, means)
