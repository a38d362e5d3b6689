"""The data sets of the two tracks, and a CSV loader that refuses bad rows with one sentence."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from datasets import DatasetDict, config, load_dataset

from helpers.checkpoints import require_hub
from helpers.environment import ROOT
from helpers.tables import read_table, to_dataset

SPLITS = ("train", "validation", "test")
REVIEWS = {split: ROOT / "data" / "reviews" / f"{split}.csv" for split in SPLITS}
REVIEW_LABELS = ("negative", "neutral", "positive")
PARAPHRASES = {split: ROOT / "data" / "paraphrases" / f"{split}.csv" for split in SPLITS}
PARAPHRASE_LABELS = ("not_equivalent", "equivalent")  # in the order of MRPC
GLUE_NAME = "nyu-mll/glue"
GLUE_REVISION = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
# share of GLUE's train split that serves as validation: about 2,000 sentences, about 370 pairs
HELD_OUT = {"sst2": 0.03, "mrpc": 0.1}


def load_sentences(track: str) -> DatasetDict:
    """Return train, validation and test with the columns `text` and `label` (a `ClassLabel`).

    "small" reads `data/reviews` (three labels, plus a column `phenomenon`); "full" loads GLUE SST-2
    (two labels). GLUE hides its test labels, so there a stratified 3% of train becomes validation,
    and GLUE's validation split becomes the test set.

    Raises:
        TutorialError: the Hub is out of reach and SST-2 is not in the cache, or a CSV is damaged.
    """
    if track == "full":
        return load_glue("sst2").rename_column("sentence", "text")
    return load_csv(REVIEWS, label_names=REVIEW_LABELS)


def load_pairs(track: str) -> DatasetDict:
    """Return train, validation and test with `sentence1`, `sentence2` and `label`.

    The labels are not_equivalent (0) and equivalent (1). "small" reads `data/paraphrases`; "full"
    loads GLUE MRPC, of whose train split a stratified 10% becomes validation; GLUE's validation
    split becomes the test set.

    Raises:
        TutorialError: the Hub is out of reach and MRPC is not in the cache, or a CSV is damaged.
    """
    if track == "full":
        return load_glue("mrpc")
    return load_csv(PARAPHRASES, ("sentence1", "sentence2"), label_names=PARAPHRASE_LABELS)


def load_glue(task: str) -> DatasetDict:
    """Return "sst2" or "mrpc" at a pinned revision, split as above. Errors as there."""
    folder = Path(config.HF_DATASETS_CACHE) / GLUE_NAME.replace("/", "___") / task
    if not any(folder.glob("*/*/*.arrow")):
        require_hub(GLUE_NAME, GLUE_REVISION, "dataset")
    glue = load_dataset(GLUE_NAME, task, revision=GLUE_REVISION)
    parts = glue["train"].train_test_split(HELD_OUT[task], stratify_by_column="label", seed=42)
    splits = {"train": parts["train"], "validation": parts["test"], "test": glue["validation"]}
    return DatasetDict(splits).remove_columns("idx")


def load_csv(
    files: Mapping[str, str | Path],
    text_column: str | tuple[str, str] = "text",
    label_column: str = "label",
    label_names: Sequence[str] | None = None,
) -> DatasetDict:
    """Read one UTF-8 CSV file for each split; every row is kept or the file is refused.

    Args:
        files: split name -> path of a CSV file with a header row.
        text_column: column with the text, which becomes `text`; or the two columns of sentence
            pairs, which become `sentence1` and `sentence2`.
        label_column: column with the label's name; it becomes `label`, a `ClassLabel`.
        label_names: the labels in the order of their ids; by default the first file's, sorted.

    Raises:
        TutorialError: a file is missing, empty, not UTF-8 or not rectangular, lacks a column, has
            an empty text, an unknown label or a single class. The sentence names file, row and
            column; rows are counted as in a spreadsheet, where the header is row 1.
    """
    splits = {}
    for split, path in files.items():
        table = read_table(path)
        splits[split] = to_dataset(table, text_column, label_column, label_names, str(path))
        label_names = splits[split].features["label"].names
    return DatasetDict(splits)
