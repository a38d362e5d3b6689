"""What frozen embeddings cost and save on `data/reviews`: notebook 03's recipe, three seeds each.

    python tests/benchmarks/frozen_embeddings.py

Takes about seven minutes on two CPU cores. The two kinds of runs take turns, so that a moment in
which the machine is busy does not hit one of them alone; they go to a temporary folder.
"""

import os
import sys
import tempfile
from pathlib import Path

import pandas as pd
from transformers import AutoTokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers import checkpoints, data, environment, fine_tuning, widgets

SEEDS = (42, 1, 2)


def main() -> None:
    """Print a row for each run, then mean and spread of both kinds."""
    environment.set_up()
    dataset = data.load_sentences("small")
    checkpoint = checkpoints.get("small")
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.name)
    pieces = set().union(*tokenizer(list(dataset["train"]["text"]))["input_ids"])
    print(f"{len(pieces):,} of {len(tokenizer):,} word pieces occur in the training texts")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TUTORIAL_RUNS"] = folder
        for seed in SEEDS:
            for frozen in (False, True):
                settings = widgets.DEFAULTS | {"seed": seed, "freeze_embeddings": frozen}
                trainer = fine_tuning.fine_tune(dataset, checkpoint, settings, "small")
                history = trainer.state.log_history
                row = {"embeddings": "frozen" if frozen else "trained", "seed": seed}
                row["seconds"] = next(e["train_runtime"] for e in history if "train_runtime" in e)
                row["seconds per epoch"] = row["seconds"] / trainer.state.epoch
                row["validation"] = trainer.state.best_metric
                rows.append(row)
    table = pd.DataFrame(rows)
    print(table.round(3).to_string(index=False))
    figures = table.drop(columns="seed").groupby("embeddings").agg(["mean", "std"])
    print(figures.round(3).T.to_string())


if __name__ == "__main__":
    main()
