"""The data sets of the two tracks, and a CSV loader that refuses bad rows with one sentence."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from datasets import ClassLabel, Dataset, DatasetDict, config, load_dataset

from helpers.checkpoints import require_hub
from helpers.environment import ROOT
from helpers.errors import TutorialError

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
    require_hub(GLUE_NAME, GLUE_REVISION, "dataset", cached=any(folder.glob("*/*/*.arrow")))
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
            column; the header is row 1, as in a spreadsheet.
    """
    old = [text_column] if isinstance(text_column, str) else list(text_column)
    new = dict(zip(old, ["text"] if len(old) == 1 else ["sentence1", "sentence2"], strict=True))
    splits = {}
    for split, path in files.items():
        rows = _read_rows(Path(path), [*old, label_column])
        names = list(label_names or sorted({row[label_column] for row in rows}))
        for number, row in enumerate(rows, start=2):
            if row[label_column] not in names:
                raise TutorialError(
                    f"{path}, row {number}, column {label_column!r}: {row[label_column]!r} is not "
                    f"one of the labels {', '.join(names)}; correct the row or name the label."
                )
        if len(found := {row[label_column] for row in rows}) < 2:
            raise TutorialError(
                f"{path}, rows 2 to {len(rows) + 1}, column {label_column!r}: every row has the "
                f"label {found.pop()!r}; a classifier needs at least two labels."
            )
        label_names = names
        table = Dataset.from_list(rows)
        renamed = {a: b for a, b in (new | {label_column: "label"}).items() if a != b}
        table = table.rename_columns(renamed)
        splits[split] = table.cast_column("label", ClassLabel(names=names))
    return DatasetDict(splits)


def _read_rows(path: Path, needed: list[str]) -> list[dict[str, str]]:
    """Return the rows of a CSV as dicts, after the checks that need no knowledge of the labels."""
    if not path.is_file():
        raise TutorialError(f"{path} does not exist: check the path, seen from {Path.cwd()}.")
    reader = csv.DictReader(io.StringIO(_decode(path), newline=""), strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise TutorialError(f"{path}, row {reader.line_num}: not valid CSV ({error}).") from None
    columns = reader.fieldnames or []
    for column in needed:
        if column not in columns:
            raise TutorialError(
                f"{path}, row 1: there is no column {column!r}; the header has "
                f"{', '.join(columns) or 'no columns'}. Name the right one or correct the header."
            )
    if not rows:
        raise TutorialError(f"{path} has a header (row 1) and no rows: add labelled texts.")
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise TutorialError(
                f"{path}, row {number}: the row does not have {len(columns)} columns as the header "
                "has; put texts that contain a comma or a line break in double quotes."
            )
        for column in needed:
            if not row[column].strip():
                raise TutorialError(
                    f"{path}, row {number}, column {column!r}: empty; fill it in or delete the row."
                )
    return rows


def _decode(path: Path) -> str:
    """Return the text of a UTF-8 file, without a byte order mark."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = content[: error.start].decode("utf-8-sig", errors="replace")
        header, *rest = rows = list(csv.reader(io.StringIO(good + "?", newline="")))
        column = header[min(len(rows[-1]), len(header)) - 1] if rest else header[-1]
        raise TutorialError(
            f"{path}, row {len(rows)}, column {column!r}: byte 0x{content[error.start]:02x} is not "
            "UTF-8; save the file again as UTF-8 (a spreadsheet calls it 'CSV UTF-8')."
        ) from None
