"""How hard `data/reviews` is: word counts against the fine-tuned small model, three seeds.

    python tests/benchmarks/reviews.py

Takes about four minutes on two CPU cores; prints macro F1 on the test split. The settings of the
word-count baseline are chosen on the validation split; the runs go to a temporary folder.
"""

import itertools
import os
import sys
import tempfile
from pathlib import Path

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers import checkpoints, data, environment, fine_tuning, hyperparameters, metrics

SEEDS = (42, 1, 2)
AS_IT_COMES = {"freeze_embeddings": False, "hidden_dropout_prob": 0.1}


def score(labels, predictions) -> dict[str, float]:
    """Return macro F1 with its bootstrap interval."""
    low, high = metrics.bootstrap_interval(metrics.macro_f1, labels, predictions)
    return {"macro F1": metrics.macro_f1(labels, predictions), "low": low, "high": high}


def word_counts(dataset):
    """Return the TF-IDF pipeline that does best on the validation split."""
    train, validation = dataset["train"], dataset["validation"]
    candidates = [
        make_pipeline(
            TfidfVectorizer(ngram_range=(1, longest), sublinear_tf=True),
            LogisticRegression(C=strength, max_iter=2000),
        ).fit(train["text"], train["label"])
        for longest, strength in itertools.product((1, 2), (0.3, 1, 3, 10, 30))
    ]
    return max(
        candidates,
        key=lambda model: metrics.macro_f1(validation["label"], model.predict(validation["text"])),
    )


def main() -> None:
    """Print one row for the baseline, one for each seed, and the mean of the seeds."""
    environment.set_up()
    dataset = data.load_sentences("small")
    test = dataset["test"]
    baseline = word_counts(dataset)
    rows = {"TF-IDF + logistic regression": score(test["label"], baseline.predict(test["text"]))}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TUTORIAL_RUNS"] = folder
        for seed in SEEDS:
            settings = hyperparameters.DEFAULTS | {"seed": seed} | AS_IT_COMES
            trainer = fine_tuning.fine_tune(dataset, checkpoints.get("small"), settings, "small")
            encoded = test.map(
                trainer.processing_class, input_columns="text", fn_kwargs={"truncation": True}
            )
            prediction = trainer.predict(encoded)
            guesses = prediction.predictions.argmax(-1)
            rows[f"fine-tuned, seed {seed}"] = score(prediction.label_ids, guesses)
    table = pd.DataFrame.from_dict(rows, orient="index")
    runs = table["macro F1"].iloc[1:]
    print(table.round(3).to_string())
    print(f"fine-tuned: mean {runs.mean():.3f}, standard deviation {runs.std():.3f}")
    print(f"gain over word counts: {runs.mean() - table['macro F1'].iloc[0]:+.3f}")


if __name__ == "__main__":
    main()
