"""How hard `data/paraphrases` is: word overlap, sentence vectors, the fine-tuned small model.

    python tests/benchmarks/paraphrases.py

Takes about four minutes on two CPU cores; prints scores on the test split. Thresholds are chosen on
the training split. The settings are those of notebook 06, which were chosen on the validation
split; three seeds are run, and none of their runs is kept.
"""

import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import matthews_corrcoef
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers import checkpoints, data, environment, metrics

SEEDS = (42, 1, 2)
LEARNING_RATE, EPOCHS = 1.5e-4, 5


def score(labels, predictions) -> dict[str, float]:
    """Return accuracy, MCC, and macro F1 with its bootstrap interval."""
    low, high = metrics.bootstrap_interval(metrics.macro_f1, labels, predictions)
    return {
        "accuracy": np.mean(labels == predictions),
        "MCC": matthews_corrcoef(labels, predictions),
        "macro F1": metrics.macro_f1(labels, predictions),
        "low": low,
        "high": high,
    }


def word_overlap(table) -> np.ndarray:
    """Return for each pair the share of the shorter word list that the other one has too."""
    shares = []
    for pair in zip(table["sentence1"], table["sentence2"], strict=True):
        first, second = (set(re.findall(r"\w+", text.lower())) for text in pair)
        shares.append(len(first & second) / min(len(first), len(second)))
    return np.array(shares)


def vectors(texts, tokenizer, encoder) -> torch.Tensor:
    """Return the mean of the token vectors of each text, at length 1."""
    rows = []
    for start in range(0, len(texts), 64):
        batch = tokenizer(texts[start : start + 64], padding=True, return_tensors="pt")
        with torch.no_grad():
            states = encoder(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        rows.append(torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1))
    return torch.cat(rows)


def cosine(table, checkpoint) -> np.ndarray:
    """Return the cosine of the two sentences' vectors from the pretrained encoder."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.name)
    encoder = AutoModel.from_pretrained(checkpoint.name, use_safetensors=True).eval()
    first, second = (
        vectors(list(table[name]), tokenizer, encoder) for name in ("sentence1", "sentence2")
    )
    return (first * second).sum(-1).numpy()


def by_threshold(dataset, similarity) -> np.ndarray:
    """Return test predictions from the threshold with the best macro F1 on train."""
    train, labels = similarity(dataset["train"]), np.array(dataset["train"]["label"])
    threshold = max(
        np.linspace(0, 1, 101),
        key=lambda value: metrics.macro_f1(labels, (train >= value).astype(int)),
    )
    return (similarity(dataset["test"]) >= threshold).astype(int)


def fine_tuned(dataset, checkpoint, seed: int) -> np.ndarray:
    """Return test predictions of a freshly fine-tuned model."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.name)
    encoded = dataset.map(
        lambda batch: tokenizer(batch["sentence1"], batch["sentence2"], truncation=True),
        batched=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            learning_rate=LEARNING_RATE,
            num_train_epochs=EPOCHS,
            per_device_train_batch_size=32,
            per_device_eval_batch_size=64,
            warmup_steps=0.1,
            weight_decay=0.01,
            save_strategy="no",
            seed=seed,
            report_to="none",
            disable_tqdm=True,
            **environment.precision_arguments(),
        )
        trainer = Trainer(
            model_init=lambda: AutoModelForSequenceClassification.from_pretrained(
                checkpoint.name, use_safetensors=True, num_labels=2
            ),
            args=arguments,
            train_dataset=encoded["train"],
            processing_class=tokenizer,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        prediction = trainer.predict(encoded["test"])
    # with `group_by_length` the rows would come in another order
    assert (prediction.label_ids == np.array(dataset["test"]["label"])).all()
    return prediction.predictions.argmax(-1)


def main() -> None:
    """Print one row for each baseline, one for each seed, and the mean of the seeds."""
    environment.set_up()
    dataset, checkpoint = data.load_pairs("small"), checkpoints.get("small")
    labels = np.array(dataset["test"]["label"])
    guesses = {
        "always equivalent": np.ones_like(labels),
        "word overlap": by_threshold(dataset, word_overlap),
        "sentence vectors": by_threshold(dataset, lambda table: cosine(table, checkpoint)),
    }
    for seed in SEEDS:
        guesses[f"fine-tuned, seed {seed}"] = fine_tuned(dataset, checkpoint, seed)
    table = pd.DataFrame({name: score(labels, guess) for name, guess in guesses.items()}).T
    print(table.round(3).to_string())
    runs = table["macro F1"].iloc[-len(SEEDS) :]
    print(f"fine-tuned: mean {runs.mean():.3f}, standard deviation {runs.std():.3f}")
    for seed in SEEDS:
        low, high = metrics.difference_interval(
            labels, guesses[f"fine-tuned, seed {seed}"], guesses["word overlap"]
        )
        print(f"seed {seed} minus word overlap: 95% interval {low:+.3f} to {high:+.3f}")


if __name__ == "__main__":
    main()
