"""Bad input, systematically: one table of what readers hand in, and what must come of it.

Each row of CASES is refused with one sentence that says what is wrong, where, and what to do, and
leaves every file as it was; or it only looks bad, and then the right rows come out. In the table:

- tables: missing, doubled and unnamed columns, ragged rows, open quotes, encodings, byte order
  marks, NUL and other control characters, binary files, empty files, wrong suffixes, JSON Lines,
  Excel;
- texts: missing, NaN, numbers, very long, emoji, right to left, HTML, formulas, "NA" and "null";
- labels: missing, one class, one row, 10,000 classes, spelled in two ways, fractions, mixed types;
- training: hyperparameters out of any range, data without a split, column, row or label, batches
  and steps beyond the data, folders that cannot be written, a full disk, damaged runs, checkpoints
  that are cut off or hold a pickle;
- inference: model folders without a part, cut off, with a pickle, with code, without a head,
  adapters; None and numbers for texts.
"""

import contextlib
import csv
import errno
import json
import os
import pickle
import resource
import shutil
import string
from collections import Counter
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import datasets
import pandas as pd
import pytest
import torch
import transformers
from datasets import ClassLabel, Dataset, DatasetDict, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import checkpoints, plots, progress, run_files, runs
from helpers.checks import check_texts
from helpers.environment import ROOT
from helpers.errors import TutorialError
from helpers.fine_tuning import fine_tune
from helpers.tables import READERS, read_table, to_dataset
from helpers.training import record

NAMES = ["bad", "good"]
SETTINGS = {"learning_rate": 1e-4, "num_train_epochs": 1, "per_device_train_batch_size": 16}
HALF = {"num_train_epochs": 1, "freeze_encoder": True}
STOPPED = SETTINGS | HALF | {"num_train_epochs": 2}
GOOD = "text,label\nA fine film.,good\nA poor film.,bad\nA joy.,good\nA bore.,bad\n"


class Case(NamedTuple):
    """One bad input.

    make(folder) prepares it and returns what `use` takes. `expected` is a tuple of three strings
    for a refusal (what, where, what to do), otherwise what `use` returns. `left` names the files
    and folders that come into being.
    """

    name: str
    make: Callable[[Path], object]
    use: Callable
    expected: object
    left: tuple[str, ...] = ()


# how a bad input is made


def nothing(folder: Path) -> None:
    """Change nothing, or take nothing from the folder."""


def file(content: str | bytes, name: str = "my.csv") -> Callable[[Path], Path]:
    def make(folder):
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder / name

    return make


def with_row(row: str) -> Callable[[Path], Path]:
    """Return a good file with one more row, which is row 6."""
    return file(GOOD + row + "\n")


def frame(**columns: list) -> Callable[[Path], pd.DataFrame]:
    """Return a table with texts, unless other ones are given."""

    def make(folder):
        rows = len(next(iter(columns.values())))
        return pd.DataFrame({"text": [f"Text {i}." for i in range(rows)]} | columns)

    return make


def texts(*values: object) -> Callable[[Path], pd.DataFrame]:
    return frame(text=[*values, "the end"], label=list(range(len(values) + 1)))


def json_lines(*rows: object) -> Callable[[Path], Path]:
    return file("\n".join(json.dumps(row) for row in rows), "my.jsonl")


def workbook(*rows: list) -> Callable[[Path], Path]:
    def make(folder):
        pd.DataFrame(rows).to_excel(folder / "my.xlsx", header=False, index=False)
        return folder / "my.xlsx"

    return make


def small_data(names: list[str] = NAMES, **columns: list) -> DatasetDict:
    """Return splits of 16 rows; `columns` replace those of a good data set."""
    good = {"text": [f"Film {i} is {NAMES[i % 2]}." for i in range(16)], "label": [0, 1] * 8}
    table = Dataset.from_dict(good | columns).cast_column("label", ClassLabel(names=names))
    return DatasetDict(train=table, validation=table)


def data(change: Callable[[DatasetDict], object] = lambda d: d, **options: list):
    return lambda folder: (change(small_data(**options)), SETTINGS)


def setting(**changes: object):
    return lambda folder: (small_data(), SETTINGS | changes)


def model(change: Callable[[Path], object]) -> Callable[[Path], Path]:
    """Return a copy of the trained model after a change to its files."""

    def make(folder):
        shutil.copytree(folder / "runs" / "small-001", folder / "model", copy_function=os.link)
        change(folder / "model")
        return folder / "model"

    return make


def second_run(change: Callable[[Path], object]) -> Callable[[Path], None]:
    """Put a second run beside the intact one, and damage it."""

    def make(folder):
        first, second = (folder / "runs" / name for name in ("small-001", "small-002"))
        shutil.copytree(first, second, copy_function=os.link)
        change(second)

    return make


def stopped_run(*changes: Callable[[Path], object]) -> Callable[[Path], tuple]:
    """Put a run beside the intact one that was killed after two epochs, and damage it."""

    def make(folder):
        run = (folder / "stopped" / "small-001").rename(folder / "runs" / "small-002")
        for change in changes:
            change(run)
        return small_data(), STOPPED

    return make


def rewrite(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(folder):
        content = (folder / name).read_bytes()
        (folder / name).unlink()  # the original has links to the same file
        (folder / name).write_bytes(change(content))

    return apply


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut_off(name: str, size: int = 40) -> Callable[[Path], None]:
    return rewrite(name, lambda content: content[:size])


def add_to_json(name: str, **more: object) -> Callable[[Path], None]:
    return rewrite(name, lambda content: json.dumps(json.loads(content) | more).encode())


def drop_from_json(name: str, key: str) -> Callable[[Path], None]:
    def drop(content):
        return json.dumps({k: v for k, v in json.loads(content).items() if k != key}).encode()

    return rewrite(name, drop)


class Evil:
    """An object whose pickle creates a file when it is loaded."""

    def __init__(self, folder: Path):
        self.mark = str(folder / "code-was-run")

    def __reduce__(self):
        return open, (self.mark, "w")


def plant(name: str) -> Callable[[Path], None]:
    """Put a pickle into a folder, in the form that torch.save gives it."""

    def apply(folder):
        (folder / name).unlink(missing_ok=True)  # the original has links to the same file
        torch.save({"classifier.bias": Evil(folder)}, folder / name)

    return apply


def as_pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    plant("pytorch_model.bin")(folder)


def with_index(folder: Path) -> None:
    as_pickle(folder)
    index = {"metadata": {}, "weight_map": {"classifier.bias": "pytorch_model.bin"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def named_in_the_config(folder: Path) -> None:
    plant("adapter_model.bin")(folder)
    add_to_json("config.json", transformers_weights="adapter_model.bin")(folder)


def as_adapter(folder: Path) -> None:
    plant("adapter_model.bin")(folder)
    adapter = {"peft_type": "LORA", "base_model_name_or_path": "somebody/model"}
    (folder / "adapter_config.json").write_text(json.dumps(adapter))


def without_head(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    os.link(checkpoints.small_folder() / "model.safetensors", folder / "model.safetensors")


# what is done with it


def load(source: Path | pd.DataFrame, **options: object) -> tuple:
    """Return texts, labels and the names of the labels."""
    if isinstance(source, Path):
        options, source = {"source": str(source)} | options, read_table(source)
    table = to_dataset(source, **options)
    return table["text"][:], table["label"][:], table.features["label"].names


def load_with(**options: object) -> Callable:
    return lambda source: load(source, **options)


def first_text(source: Path | pd.DataFrame) -> str:
    return load(source)[0][0]


def last_text(source: Path | pd.DataFrame) -> str:
    return load(source)[0][-1]


def trainer_of(given: tuple, **options: object) -> transformers.Trainer:
    dataset, values = given
    return fine_tune(dataset, checkpoints.get("small"), values, "small", **options)


def train(given: tuple, **options: object) -> int:
    """Return the number of steps."""
    return trainer_of(given, **options).state.global_step


def train_with(**options: object) -> Callable:
    return lambda given: train(given, **options)


def train_where_nobody_may_write(given: tuple) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUTORIAL_RUNS", "/sys/tutorial-runs")  # not for root either
        train(given)


def no_space() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def save_without_space(_: None) -> None:
    """Save a run over the intact one, with a disk that is full in the middle of its last file."""

    def save_to_json(path):
        Path(path).write_text('{"log_hist')
        raise no_space()

    arguments = SimpleNamespace(output_dir=runs.folder() / "small-001")
    state = SimpleNamespace(save_to_json=save_to_json)
    run_files.save(SimpleNamespace(args=arguments, save_model=os.mkdir, state=state), {})


@contextlib.contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let the system refuse to write more than `size` bytes into any file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def train_with_full_disk(size: int) -> Callable:
    def use(given):
        with full_disk(size):
            train(given)

    return use


def compare_runs(_: None) -> tuple:
    """Return the status of all runs, the best one, and the runs that are drawn."""
    drawn = [name for name in ("small-001", "small-002") if name in runs.plot().alt]
    return runs.table().status.to_dict(), runs.best("small").name, drawn


def predict(folder: Path, texts: tuple = ("<b>Fine</b> " * 90_000, "\u202eعظيم 🎬")) -> list[bool]:
    """Return whether each text gets one of the labels."""
    classifier, tokenizer = checkpoints.load_model(folder)
    check_texts(texts)
    batch = tokenizer(list(texts), truncation=True, max_length=128, padding=True,
                      return_tensors="pt")  # fmt: skip
    with torch.no_grad():
        logits = classifier(**batch).logits
    assert batch["input_ids"].shape == (2, 128) and torch.isfinite(logits).all()
    return [classifier.config.id2label[i] in NAMES for i in logits.argmax(-1).tolist()]


def last_checkpoint(_: tuple) -> str:
    return run_files.last_checkpoint(runs.folder() / "small-002").name


LOADED = (["A fine film.", "A poor film.", "A joy.", "A bore."], [1, 0, 1, 0], NAMES)
ROWS = [["text", "label"], *(line.split(",") for line in GOOD.splitlines()[1:])]
STARTED = ("runs/small-002", "runs/small-002/hyperparameters.json")
FINISHED = (
    *STARTED,
    *(f"runs/small-002/{name}" for name in (
        "config.json", "metrics.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json", "trainer_state.json", "training_args.bin")),
)  # fmt: skip
ALL_RIGHT = ({"small-001": "finished", "small-002": "finished"}, "small-001")
ONE_DAMAGED = ({"small-001": "finished", "small-002": "damaged"}, "small-001", ["small-001"])
MEGABYTE = "a fine film " * 90_000
RTL = "\u202bסרט נהדר\u202c فيلم رائع 🎬👩\u200d👩\u200d👧 e\u0301"
HTML = "<script>alert('x')</script><img src=x onerror=alert(1)> &amp; $x^2$"

CASES = [
    # tables
    Case("good", file(GOOD), load, LOADED),
    Case("no such file", lambda folder: folder / "no.csv", load,
         ("No such file", "case/no.csv cannot be read", "write the path of a file")),
    Case("a folder", lambda folder: folder, load,
         ("Is a directory", "case cannot be read", "write the path of a file")),
    Case("a name that is too long", lambda folder: folder / ("a" * 256 + ".csv"), load,
         ("File name too long", "aaa.csv cannot be read", "write the path of a file")),
    Case("unknown suffix", file(GOOD, "my.parquet"), load,
         ("of no known kind", "my.parquet", "save it as one of .csv")),
    Case("empty file", file(""), load, ("no rows", "my.csv", "add labelled texts")),
    Case("blank lines only", file("\n \n"), load, ("no rows", "my.csv", "add labelled texts")),
    Case("byte order mark only", file("\ufeff"), load, ("no rows", "my.csv", "add labelled texts")),
    Case("header only", file("text,label\n"), load, ("no rows", "my.csv", "add labelled texts")),
    Case("missing column", file(GOOD.replace("label", "lable")), load,
         ("no column 'label'", "my.csv", "name the right one")),
    Case("missing column of a DataFrame", frame(lable=[1, 2]), load,
         ("no column 'label', the columns are 'text', 'lable'", "the table", "name the right one")),
    Case("space in the header", file(GOOD.replace(",label", ", label")), load,
         ("the columns are 'text', ' label'", "my.csv", "correct the table")),
    Case("semicolons", file(GOOD.replace(",", ";")), load, LOADED),
    Case("semicolons, one too many", file(GOOD.replace(",", ";") + "a;b;c\n"), load,
         ("3 cells, while the header has 2", "row 6", "double quotes")),
    Case("duplicated column", file("text,label,text\na,b,c\n"), load,
         ("two columns are called 'text'", "row 1", "rename one")),
    Case("duplicated column after blank lines", file("\n\ntext,label,text\na,b,c\n"), load,
         ("two columns are called 'text'", "row 3", "rename one")),
    Case("column named like the new one", file("text,review,label\na,b,c\n"),
         load_with(text_column="review"),
         ("two columns would be called 'text'", "my.csv", "rename")),
    Case("one column for both", file(GOOD), load_with(label_column="text"),
         ("two columns would be called 'text'", "my.csv", "name different columns")),
    Case("three columns for the text", file(GOOD), load_with(text_column=("text", "a", "b")),
         ("3 columns are given for the text, 'text', 'a', 'b'", "my.csv", "give one, or two")),
    Case("index column without a name", file("," + "\n0,".join(GOOD.splitlines())), load, LOADED),
    Case("byte order mark", file(GOOD.encode("utf-8-sig")), load, LOADED),
    Case("windows line ends and a blank line", file(GOOD.replace("\n", "\r\n") + "\r\n"), load,
         LOADED),
    Case("latin-1", file(GOOD.encode() + "Très bien.,good\n".encode("latin-1")), load,
         ("0xe8 is not UTF-8", "row 6, column 'text'", "save the file again as UTF-8")),
    Case("latin-1 after a byte order mark", file(GOOD.encode("utf-8-sig") + b"Bien,caf\xe9\n"),
         load, ("0xe9 is not UTF-8", "row 6, column 'label'", "save the file again as UTF-8")),
    Case("latin-1 in the header", file("texté,label\na,b\n".encode("latin-1")), load,
         ("0xe9 is not UTF-8", "row 1, column 1", "save the file again as UTF-8")),
    Case("latin-1 after a megabyte", file(f"text,label\n{MEGABYTE}\xe9,b\n".encode("latin-1")),
         load, ("0xe9 is not UTF-8", "row 2, column 'text'", "save the file again as UTF-8")),
    Case("UTF-16", file(GOOD.encode("utf-16")), load,
         ("0xff is not UTF-8", "row 1", "save the file again as UTF-8")),
    Case("NUL", with_row("A \0 film.,good"), load,
         ("the character NUL", "row 6, column 'text'", "save the file again as UTF-8")),
    Case("zip archive as CSV", file(b"PK\x03\x04" + bytes(range(256))), load,
         ("zip archive or an Excel workbook", "my.csv, row 1", "save the sheet as 'CSV UTF-8'")),
    Case("picture as CSV", file(b"\x89PNG\r\n\x1a\n" + bytes(range(256))), load,
         ("0x89 is not UTF-8", "row 1", "save the file again")),
    Case("row too short", with_row("A film without a label"), load,
         ("1 cells, while the header has 2", "row 6", "fill in what is missing")),
    Case("row too long", with_row("Long, slow, dull,bad"), load,
         ("4 cells, while the header has 2", "row 6", "in double quotes")),
    Case("quote that is not closed", with_row('"Never closed,bad\nnext,bad'), load,
         ("not valid CSV", "row 6", "close each double quote")),
    Case("TSV", file(GOOD.replace(",", "\t"), "my.TSV"), load, LOADED),
    Case("tabs in a file called CSV", file(GOOD.replace(",", "\t")), load,
         ("no column 'text'", "my.csv", "by tabs in .tsv")),
    Case("JSON Lines",
         json_lines(*({"text": t, "label": i} for t, i in zip(*LOADED[:2], strict=True))),
         load, (*LOADED[:2], ["0", "1"])),
    Case("JSON array", file('[{"text": "a", "label": 1}]', "my.json"), load,
         ("not one JSON object on one line", "row 1", "lines=True")),
    Case("JSON cut off", file('{"text": "a", "label": 1}\n{"text": "b", "la', "my.jsonl"), load,
         ("not one JSON object", "row 2", "write the table")),
    Case("JSON key twice", file('{"text": "a", "text": "b"}', "my.jsonl"), load,
         ("a key occurs twice", "row 1", "write the table")),
    Case("JSON key with half of an emoji", file(r'{"text": "a", "\ud83c": 1}', "my.jsonl"), load,
         (r"a key holds '\ud83c', half of a character", "row 1", "write the table")),
    Case("JSON nested a million deep", file("[" * 10**6, "my.jsonl"), load,
         ("not one JSON object", "row 1", "write the table")),
    Case("JSON without a text in one row",
         json_lines({"text": "a", "label": 1}, {"label": 2}), load,
         ("empty", "row 2, column 'text'", "fill it in")),
    Case("workbook", workbook(*ROWS), load, LOADED),
    Case("workbook with blank rows", workbook([None, None], ROWS[0], [None, None], *ROWS[1:]),
         load, LOADED),
    Case("empty cell of a workbook", workbook(*ROWS[:2], [None, "bad"], *ROWS[2:]), load,
         ("empty", "my.xlsx, row 3, column 'text'", "fill it in")),
    Case("no workbook", file(GOOD, "my.xlsx"), load,
         ("is no Excel workbook", "my.xlsx", "open it in a spreadsheet")),
    Case("damaged workbook", file(b"PK\x03\x04" + bytes(range(256)), "my.xlsx"), load,
         ("is no Excel workbook", "my.xlsx", "open it in a spreadsheet")),
    # texts
    Case("empty text", with_row(" ,bad"), load, ("empty", "row 6, column 'text'", "fill it in")),
    Case("NaN for a text", texts(float("nan")), load,
         ("empty", "the table, row 0, column 'text'", "fill it in")),
    Case("number for a text", texts("a", 7), load,
         ("7 is of type int", "row 1, column 'text'", "write text")),
    Case("list for a text", json_lines({"text": ["a"], "label": 1}, {"text": "b", "label": 2}),
         load, ("of type list", "row 1, column 'text'", "write text")),
    Case("control character", with_row("A \x07 film.,good"), load,
         (r"control character '\x07' at position 2", "row 6, column 'text'", "delete it")),
    Case("half of an emoji", json_lines({"text": "a\ud83c", "label": 1}), load,
         (r"control character '\ud83c'", "row 1, column 'text'", "delete it")),
    Case("NA, null and numbers as texts", file("text,label\nNA,1\nnull,2\n1.0,1\nNaN,2\n"), load,
         (["NA", "null", "1.0", "NaN"], [0, 1, 0, 1], ["1", "2"])),
    Case("right to left and emoji", with_row(RTL + ",good"), last_text, RTL),
    Case("HTML and script", with_row(f'"{HTML}",good'), last_text, HTML),
    Case("formula", with_row('"=HYPERLINK(""http://x"",1)+cmd|\'/c calc\'!A0",bad'), last_text,
         "=HYPERLINK(\"http://x\",1)+cmd|'/c calc'!A0"),
    Case("text of a megabyte", with_row(MEGABYTE + ",good"), last_text, MEGABYTE),
    # labels
    Case("missing label", with_row("Fine.,"), load,
         ("empty", "row 6, column 'label'", "fill it in")),
    Case("NaN for a label", frame(label=[1.0, 2.0, None]), load,
         ("empty", "row 2, column 'label'", "fill it in")),
    Case("one class", file("text,label\na,good\nb,good\n"), load,
         ("every row has the label 'good'", "rows 2 to 3, column 'label'", "add rows")),
    Case("one row of a class, not to be split", with_row("So so.,fair"), last_text, "So so."),
    Case("one row of a class", with_row("So so.,fair"), load_with(to_split=True),
         ("'fair' has no other row (1 of 3 labels", "row 6, column 'label'", "add rows")),
    Case("one row per class", frame(label=list("abcdef")), load_with(to_split=True),
         ("'a' has no other row (6 of 6 labels", "row 0, column 'label'", "add rows")),
    Case("10,000 classes", frame(label=[f"label {i}" for i in range(10_000)] * 2), load,
         ("10,000 different labels", "column 'label'", "put rare ones together")),
    Case("labels that differ by case", with_row("Fine.,Good"), load,
         ("'Good' and 'good' are the same but for case", "row 6, column 'label'",
          "write them alike")),
    Case("labels that differ by spaces", with_row("Fine.,good "), load,
         ("'good ' and 'good' are the same", "row 6, column 'label'", "write them alike")),
    Case("labels with two forms of an accent", frame(label=["e\u0301", "a", "\u00e9", "a"]), load,
         (r"'\xe9' and 'e\u0301' are the same", "row 2, column 'label'", "write them alike")),
    Case("numbers that differ by spelling", frame(label=["2", "1", "01", "2"]), load,
         ("'01' and '1' are the same", "row 2, column 'label'", "write them alike")),
    Case("a number with and without .0", frame(label=["2", "1", "2.0", "1"]), load,
         ("'2.0' and '2' are the same", "row 2, column 'label'", "write them alike")),
    Case("labels that are not quite the same", frame(label=["m2", "m²", "1", "01"]), load,
         ([f"Text {i}." for i in range(4)], [2, 3, 1, 0], ["01", "1", "m2", "m²"])),
    Case("unknown label", with_row("Fine.,godo"), load_with(label_names=NAMES),
         ("'godo' is not one of the labels 'bad', 'good'", "row 6", "correct the row")),
    Case("label names twice", file(GOOD), load_with(label_names=["bad", "good", "bad"]),
         ("a name twice, 'bad', 'good', 'bad'", "my.csv, column 'label'", "write each once")),
    Case("fractions for labels", file("text,label\na,0.25\nb,1\nc,0.25\nd,1\n"), load,
         ("looks like regression", "row 2, column 'label'", "whole numbers or names")),
    Case("floats for labels", frame(label=[1.0, 2.0] * 2), load,
         ("looks like regression", "row 0, column 'label'", "whole numbers or names")),
    Case("mixed types of labels", json_lines(*({"text": "a", "label": x} for x in (1, "1", 2, 2))),
         load, ("types are mixed, int (row 1) and str (row 2)", "column 'label'", "write all")),
    Case("a dict for a label", json_lines({"text": "a", "label": {"b": 1}}), load,
         ("of type dict", "row 1, column 'label'", "write a name")),
    Case("labels from 1", frame(label=[10, 9, 1, 10, 9, 1]), load,
         ([f"Text {i}." for i in range(6)], [2, 1, 0] * 2, ["1", "9", "10"])),
    Case("True and False as labels", frame(label=[True, False] * 2), load,
         ([f"Text {i}." for i in range(4)], [1, 0] * 2, ["False", "True"])),
    Case("mixed types in another column", frame(label=[1, 2] * 2, note=[1, "a", None, []]), load,
         ("tried to convert to int64", "column 'note'", "leave the column out")),
    Case("half of an emoji in another column",
         json_lines(*({"text": "a", "label": i, "note": "\ud83c"} for i in (1, 2))), load,
         (r"character '\ud83c'", "column 'note'", "leave the column out")),
    Case("a huge number in another column", frame(label=[1, 2], note=[2**70] * 2), load,
         ("too large", "column 'note'", "leave the column out")),
    # hyperparameters
    *(Case(f"{name} of {value!r}", setting(**{name: value}), train,
           (f"is {value!r}", f"hyperparameter {name}", f"write {wanted}"))
      for name, value, wanted in [
          ("learning_rate", 0, "a number above 0"),
          ("learning_rate", -1e-4, "a number above 0"),
          ("learning_rate", float("nan"), "a number above 0"),
          ("learning_rate", float("inf"), "a number above 0"),
          ("learning_rate", "1e-4", "a number above 0"),
          ("learning_rate", None, "a number above 0"),
          ("learning_rate", True, "a number above 0"),
          ("num_train_epochs", 0, "a number above 0"),
          ("max_steps", 0, "a whole number"),
          ("per_device_train_batch_size", 0, "a whole number"),
          ("per_device_train_batch_size", 2.5, "a whole number"),
          ("per_device_eval_batch_size", 0, "a whole number"),
          ("adam_beta1", 1.5, "a number from 0 to below 1"),
          ("adam_epsilon", -1, "a number from 0 up"),
          ("dataloader_num_workers", -1, "a whole number"),
          ("weight_decay", -0.1, "a number from 0 up"),
          ("warmup_steps", -1, "a number from 0 up"),
          ("hidden_dropout_prob", 1, "a number from 0 to below 1"),
          ("train_share", 1.5, "a number above 0, up to 1"),
          ("freeze_encoder", "no", "True or False"),
          ("seed", -1, "a whole number"),
          ("max_grad_norm", float("nan"), "a finite number"),
      ]),
    Case("unknown hyperparameter", setting(learning_rat=1e-4), train,
         ("is no hyperparameter", "'learning_rat'", "such as learning_rate")),
    Case("unknown schedule", setting(lr_scheduler_type="wavy"), train,
         ("wavy is not a valid", "hyperparameters", "correct or leave out")),
    Case("hyperparameter that fine_tune sets", setting(eval_strategy="steps"), train,
         ("multiple values for keyword argument 'eval_strategy'", "hyperparameters",
          "leave out the one that is named")),
    Case("max_length as hyperparameter", setting(max_length=64), train,
         ("no hyperparameter", "max_length", "write fine_tune(..., max_length=64)")),
    Case("hyperparameters that are a list", lambda folder: (small_data(), [1e-4]), train,
         ("of type list", "hyperparameters", "write a dict")),
    Case("max_length of 1", setting(), train_with(max_length=1),
         ("is 1:", "argument max_length", "write a whole number of tokens from 3 to 512")),
    Case("max_length that is no number", setting(), train_with(max_length="64"),
         ("is '64'", "argument max_length", "write a whole number")),
    Case("max_length beyond the model", setting(), train_with(max_length=5000),
         ("is 5000", "argument max_length", "write a whole number of tokens from 3 to 512")),
    Case("share of train without each label", setting(train_share=0.05), train,
         ("cannot be divided", "train_share is 0.05", "write 1.0 or add texts")),
    # data of a training
    Case("no validation split", data(lambda d: DatasetDict(train=d["train"])), train,
         ("no split 'validation'", "data set", "write DatasetDict({'train': ...")),
    Case("one data set for all", data(lambda d: d["train"]), train,
         ("no split 'train'", "data set", "write DatasetDict({'train': ...")),
    Case("no rows to train on", data(lambda d: d | {"train": d["train"].select([])}), train,
         ("no rows", "Split 'train'", "give it labelled texts")),
    Case("no text column", data(lambda d: d.rename_column("text", "review")), train,
         ("no column 'text', the columns are 'review', 'label'", "Split 'train'",
          "use rename_column")),
    Case("labels without names", data(lambda d: d.cast_column("label", Value("int64"))), train,
         ("is no ClassLabel", "Split 'train', column 'label'", "class_encode_column")),
    Case("hidden labels", data(label=[0, -1] * 8), train,
         ("holds -1, outside 0 to 1", "Split 'train', row 1, column 'label'", "filter it out")),
    Case("text that is missing", data(text=["a"] * 15 + [None]), train,
         ("None is of type NoneType", "Split 'train', column 'text', row 15", "correct the row")),
    Case("rows to train on that are all of one label",
         data(lambda d: d | {"train": d["train"].select(range(0, 16, 2))}), train,
         ("every row is 'bad'", "Split 'train', column 'label'",
          "shuffle before you take a part, or add rows")),
    Case("one label only", data(names=["a"], label=[0] * 16), train,
         ("knows only the label 'a'", "Split 'train'", "add texts of another one")),
    Case("other names in validation", data(lambda d: d | {"validation": d["validation"].cast_column(
        "label", ClassLabel(names=NAMES[::-1]))}), train,
         ("has the labels 'good', 'bad', but 'train' has 'bad', 'good'", "Split 'validation'",
          "the same names in the same order")),
    # runs
    Case("batches larger than the data",
         setting(per_device_train_batch_size=256, per_device_eval_batch_size=256, **HALF), train, 1,
         left=FINISHED),
    Case("more steps than data", setting(max_steps=2, freeze_encoder=True), train, 2,
         left=FINISHED),
    Case("long, HTML and emoji texts", data(text=[MEGABYTE, HTML, RTL, "?"] * 4),
         train, 1, left=FINISHED),
    Case("runs folder that nobody may write to", setting(), train_where_nobody_may_write,
         ("cannot be created", "/sys/tutorial-runs/small-001", "set the environment variable")),
    Case("disk full before the model", setting(**HALF), train_with_full_disk(2**20),
         ("could not be saved", "small-002", "make room there or allow writing"), left=STARTED),
    Case("disk full before the optimizer", setting(freeze_embeddings=False),
         train_with_full_disk(100 * 2**20),
         ("could not be saved", "small-002", "make room there or allow writing"), left=STARTED),
    Case("disk full in the last file", nothing, save_without_space,
         ("No space left on device", "small-001 could not be saved in", "make room there or")),
    Case("disk full at once", setting(), train_with_full_disk(10),
         ("cannot be created", "small-002", "that has space")),
    Case("value that JSON cannot hold", setting(optim_args=object()), train,
         ("object is not one of JSON's types", "hyperparameters", "use numbers, texts")),
    Case("record without training", nothing,
         lambda _: record(type("Untrained", (), {"state": type("", (), {"log_history": []})})),
         ("has not trained", "This Trainer", "call train(trainer)")),
    Case("run without hyperparameters.json", second_run(without("hyperparameters.json")),
         compare_runs, ({"small-001": "finished"}, "small-001", ["small-001"])),
    Case("run with hyperparameters.json cut off", second_run(cut_off("hyperparameters.json")),
         compare_runs, ONE_DAMAGED),
    Case("run with metrics.json cut off", second_run(cut_off("metrics.json")), compare_runs,
         ONE_DAMAGED),
    Case("run with an empty metrics.json", second_run(cut_off("metrics.json", 0)), compare_runs,
         ONE_DAMAGED),
    Case("run without metrics.json", second_run(without("metrics.json")), compare_runs,
         ({"small-001": "finished", "small-002": "unfinished"}, "small-001",
          ["small-001", "small-002"])),
    *(Case(f"run without {key} in {name}", second_run(drop_from_json(name, key)), compare_runs,
           ONE_DAMAGED)
      for name, key in [("metrics.json", "seconds"), ("metrics.json", "labels"),
                        ("trainer_state.json", "log_history")]),
    Case("run without trainer_state.json", second_run(without("trainer_state.json")), compare_runs,
         (*ALL_RIGHT, ["small-001"])),
    Case("run with trainer_state.json cut off", second_run(cut_off("trainer_state.json")),
         compare_runs, ONE_DAMAGED),
    Case("history of a damaged run", second_run(cut_off("trainer_state.json")),
         lambda _: run_files.history(runs.folder() / "small-002"), []),
    Case("plot of a damaged run", second_run(cut_off("hyperparameters.json")),
         lambda _: runs.plot("small-002"),
         ("is damaged", "The run 'small-002'", "name one of those that are intact ('small-001')")),
    Case("plot of no run", nothing, lambda _: runs.plot("small-009"),
         ("does not exist", "The run 'small-009'", "name one of those that are intact")),
    Case("checkpoints that are whole", stopped_run(), last_checkpoint, "checkpoint-2"),
    *(Case(f"checkpoint with {name}", stopped_run(change), last_checkpoint, "checkpoint-1")
      for name, change in {
          "weights cut off": cut_off("checkpoint-2/model.safetensors", 40 * 2**20),
          "no weights": without("checkpoint-2/model.safetensors"),
          "its optimizer cut off": cut_off("checkpoint-2/optimizer.pt", 1000),
          "a bare pickle": rewrite("checkpoint-2/rng_state.pth", lambda _: pickle.dumps({})),
          "half of its state": drop_from_json("checkpoint-2/trainer_state.json", "log_history"),
      }.items()),
    Case("pickle in a checkpoint",
         stopped_run(lambda run: shutil.rmtree(run / "checkpoint-2"),
                     plant("checkpoint-1/rng_state.pth")),
         train_with(resume=True),
         ("could run code of its own", "small-002/checkpoint-1", "delete this folder")),
    # models
    Case("good model", model(nothing), predict, [True, True]),
    Case("None for a text", model(nothing), lambda m: predict(m, ["Fine.", None]),
         ("None is of type NoneType", "The texts, row 1", "correct the row")),
    Case("a number for a text", model(nothing), lambda m: predict(m, [4.5]),
         ("4.5 is of type float", "The texts, row 0", "correct the row")),
    Case("no model folder", lambda folder: folder / "none", checkpoints.load_model,
         ("is no folder", "case/none", "check the path")),
    Case("no config", model(without("config.json")), checkpoints.load_model,
         ("has no config.json", "case/model", "save model and tokenizer")),
    Case("config cut off", model(cut_off("config.json")), checkpoints.load_model,
         ("damaged or cut off", "config.json", "save model and tokenizer")),
    Case("config of nothing", model(rewrite("config.json", lambda _: b"{}")),
         checkpoints.load_model, ("do not fit together", "case/model", "save model and tokenizer")),
    Case("no tokenizer", model(without("tokenizer.json")), checkpoints.load_model,
         ("has no tokenizer", "case/model", "save model and tokenizer")),
    Case("tokenizer cut off", model(cut_off("tokenizer.json")), checkpoints.load_model,
         ("do not fit together", "case/model", "save model and tokenizer")),
    Case("tokenizer without its model",
         model(rewrite("tokenizer.json", lambda _: b'{"added_tokens": []}')),
         checkpoints.load_model, ("(Exception)", "case/model", "save model and tokenizer")),
    Case("no weights", model(without("model.safetensors")), checkpoints.load_model,
         ("has no weights", "case/model", "save model and tokenizer")),
    Case("weights cut off in the header", model(cut_off("model.safetensors")),
         checkpoints.load_model, ("damaged or cut off", "model.safetensors", "save model")),
    Case("weights cut off at half", model(cut_off("model.safetensors", 40 * 2**20)),
         checkpoints.load_model, ("damaged or cut off", "model.safetensors", "save model")),
    Case("garbage for weights",
         model(rewrite("model.safetensors", lambda _: b"\xff" * 99)),
         checkpoints.load_model, ("damaged or cut off", "model.safetensors", "save model")),
    Case("pickle for weights", model(as_pickle), checkpoints.load_model,
         ("is a pickle", "pytorch_model.bin", "ask for the weights as model.safetensors")),
    Case("index that names a pickle", model(with_index), checkpoints.load_model,
         ("in several files", "case/model", "max_shard_size")),
    Case("config that names a pickle", model(named_in_the_config), checkpoints.load_model,
         ("which may be a pickle (transformers_weights)", "config.json", "use a model whose")),
    Case("adapter", model(as_adapter), checkpoints.load_model,
         ("holds an adapter", "case/model", "merge_and_unload()")),
    Case("code in the config",
         model(add_to_json("config.json", auto_map={"AutoConfig": "evil.Config"})),
         checkpoints.load_model, ("code of its own", "config.json", "use a model whose classes")),
    Case("code in the tokenizer",
         model(add_to_json("tokenizer_config.json", auto_map={"AutoTokenizer": "evil.T"})),
         checkpoints.load_model, ("code of its own", "tokenizer_config.json", "use a model whose")),
    Case("weights without the head", model(without_head), checkpoints.load_model,
         ("classifier.bias", "model.safetensors", "fine-tune the model")),
    Case("weights of another size", model(add_to_json("config.json", intermediate_size=99)),
         checkpoints.load_model, ("do not fit together", "case/model", "save model and tokenizer")),
]  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with runs/small-001, which is finished, and stopped/small-001, which was killed."""
    datasets.disable_progress_bars()
    transformers.logging.disable_progress_bar()
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("trained")
        patch.setenv("TUTORIAL_RUNS", str(folder / "runs"))
        train((small_data(), SETTINGS))
        patch.setenv("TUTORIAL_RUNS", str(folder / "stopped"))
        patch.setattr("helpers.fine_tuning.record", lambda trainer: None)
        train((small_data(), STOPPED))
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch, trained):
    """A copy of that folder, to whose runs/ the runs of a test go."""
    place = tmp_path / "case"
    shutil.copytree(trained, place, copy_function=os.link)
    monkeypatch.setenv("TUTORIAL_RUNS", str(place / "runs"))
    return place


def files(folder: Path) -> dict[str, tuple | bool]:
    """Return what is on disk, also empty folders: of the case, and of the data of the series."""
    found = {}
    for path in [*folder.rglob("*"), *(ROOT / "data").rglob("*")]:
        stat = path.stat()
        found[str(path)] = path.is_file() and (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    return found


def assert_one_sentence(text: str) -> None:
    assert "\n" not in text and "Traceback" not in text and "Error:" not in text
    assert text.endswith(".") and not text.endswith("..")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_bad_input(case, folder):
    given = case.make(folder)
    before = files(folder)
    if isinstance(case.expected, tuple) and all(isinstance(part, str) for part in case.expected):
        with pytest.raises(TutorialError) as caught:
            case.use(given)
        sentence = str(caught.value)
        assert_one_sentence(sentence)
        # no second sentence; what a reader wrote may hold anything, but none of the cases does
        assert not any(f"{end} {c}" in sentence for end in ".!?" for c in string.ascii_uppercase)
        what, where, do = case.expected
        assert what in sentence and where in sentence and do in sentence, sentence
        assert len(sentence) < 500
    else:
        assert case.use(given) == case.expected
    after = files(folder)
    assert {path: after.get(path) for path in before} == before
    new = {str(Path(path).relative_to(folder)) for path in after if path not in before}
    assert new == set(case.left)


def test_the_table_is_long_enough():
    assert len({case.name for case in CASES}) == len(CASES) >= 45


def test_a_run_that_found_no_room_is_continued(folder):
    with full_disk(2**20), pytest.raises(TutorialError, match="resume=True"):
        train((small_data(), SETTINGS | HALF))
    assert runs.table().status.tolist() == ["finished", "unfinished"]
    assert train((small_data(), SETTINGS | HALF), resume=True) == 1
    assert runs.table().status.tolist() == ["finished", "finished"]


def test_resuming_skips_a_checkpoint_that_was_cut_off(folder):
    given = stopped_run(cut_off("checkpoint-2/model.safetensors", 40 * 2**20))(folder)
    trainer = trainer_of(given, resume=True)
    assert (trainer.first_epoch, trainer.state.global_step) == (1, 2)
    assert runs.table().status.tolist() == ["finished", "finished"]


def test_the_pickle_of_these_cases_runs_code_where_it_may(tmp_path):
    plant("weights.bin")(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["weights.bin"]
    torch.load(tmp_path / "weights.bin", weights_only=False)["classifier.bias"].close()
    assert (tmp_path / "code-was-run").exists()


def test_what_a_figure_says_is_shown_as_text(monkeypatch):
    shown = []
    monkeypatch.setattr(progress, "display", shown.append)
    figure = plots.schedule({HTML: [0, 1]})
    assert HTML in figure.alt
    progress._widget_place()(figure)
    assert shown[0].value.count("<") == 1 and "&lt;script&gt;" in shown[0].value


# any table is loaded with the right rows, or refused

CELL = st.text(st.characters(codec="utf-8"), max_size=20)
WORD = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values),
    max_leaves=4,
)
quick = settings(deadline=None, max_examples=100)


def read(folder: Path, name: str, content: bytes) -> pd.DataFrame | None:
    """Return the table of a file, or None where it is refused with one sentence."""
    (folder / name).write_bytes(content)
    try:
        return read_table(folder / name)
    except TutorialError as error:
        assert_one_sentence(str(error))
        assert name in str(error)
        return None


@quick
@given(
    rows=st.lists(st.lists(CELL, min_size=2, max_size=3), min_size=1, max_size=6)
    | st.lists(st.tuples(CELL, CELL), min_size=2, max_size=6),
    suffix=st.sampled_from(["csv", "tsv"]),
)
def test_any_cells_are_read_as_written_or_refused(tmp_path_factory, rows, suffix):
    written = StringIO(newline="")
    csv.writer(written, delimiter=",\t"[suffix == "tsv"]).writerows(rows)
    content = written.getvalue().encode("utf-8-sig")
    table = read(tmp_path_factory.mktemp("any"), f"any.{suffix}", content)
    header, *cells = map(list, rows)
    good = cells and all(len(row) == len(header) for row in cells)
    if good and len(set(header)) == len(header) and "\0" not in written.getvalue():
        assert table.columns.tolist() == header and table.to_numpy().tolist() == cells
        assert table.index.tolist() == list(range(2, len(rows) + 1))
    else:
        assert table is None


@quick
@given(rows=st.lists(st.dictionaries(st.sampled_from("abc"), JSON, min_size=1), max_size=5))
def test_any_json_lines_are_read_as_written(tmp_path_factory, rows):
    content = "\n".join(map(json.dumps, rows)).encode()
    table = read(tmp_path_factory.mktemp("any"), "any.jsonl", content)
    if not rows:
        assert table is None
        return
    for row, found in zip(rows, table.to_dict("records"), strict=True):
        assert {name: found.pop(name) for name in row} == row
        assert pd.isna(list(found.values())).all()


@quick
@given(
    content=st.binary()
    | st.text().map(str.encode)
    | st.builds(
        lambda start, more, end: GOOD[:start].encode() + more + GOOD[end:].encode(),
        *(st.integers(0, len(GOOD)), st.binary(max_size=4), st.integers(0, len(GOOD))),
    ),
    suffix=st.sampled_from(sorted(READERS)),
)
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, suffix):
    read(tmp_path_factory.mktemp("any"), f"any{suffix}", content)


@quick
@given(
    rows=st.lists(st.tuples(CELL | JSON, st.sampled_from(["a", "b", "A", 1, 2, 1.5, True, None])))
    | st.lists(st.tuples(CELL, st.sampled_from(["a", "b ", 1]) | JSON), max_size=4)
    | st.lists(st.tuples(WORD, st.sampled_from("ab")), min_size=4)
    | st.lists(st.tuples(WORD, st.integers(1, 3)), min_size=6),
    noted=st.booleans(),
    to_split=st.booleans(),
)
def test_any_table_becomes_a_data_set_with_its_rows_or_is_refused(rows, noted, to_split):
    table = pd.DataFrame(rows, columns=["text", "label"], dtype=object)
    try:
        found = to_dataset(table.assign(note=table.text) if noted else table, to_split=to_split)
    except TutorialError as error:
        assert_one_sentence(str(error))
        assert "the table" in str(error)
        counts = Counter(map(repr, table.label))
        good_labels = counts.keys() == {"'a'", "'b'"} and min(counts.values()) >= 2
        assert not (good_labels and all(isinstance(t, str) and t.isalnum() for t in table.text))
    else:
        names = found.features["label"].names
        assert found["text"][:] == [text for text, _ in rows]
        assert [names[i] for i in found["label"]] == [str(label) for _, label in rows]
        assert not noted or found["note"][:] == found["text"][:]
