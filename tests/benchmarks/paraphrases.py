"""How hard `data/paraphrases` is: word overlap, sentence vectors, the fine-tuned small model.

    python tests/benchmarks/paraphrases.py

Takes about five minutes on two CPU cores; prints scores on the test split. Thresholds are chosen on
the training split. The recipe is that of notebook 06, with settings that were chosen on the
validation split; beside it stands the model as it comes, with dropout and all weights trained.
Three seeds are run with each, and none of the runs is kept.
"""

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import matthews_corrcoef
from transformers import (
    AutoModel,
    AutoTokenizer,
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers import checkpoints, data, environment, metrics
from helpers.fine_tuning import new_model
from helpers.training import train

SEEDS = (42, 1, 2)
LEARNING_RATE, EPOCHS = 1.5e-4, 5
LABELS = ("not_equivalent", "equivalent")


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
    known, labels = similarity(dataset["train"]), np.array(dataset["train"]["label"])
    threshold = max(
        np.linspace(0, 1, 101),
        key=lambda value: metrics.macro_f1(labels, (known >= value).astype(int)),
    )
    return (similarity(dataset["test"]) >= threshold).astype(int)


def our_model(checkpoint) -> PreTrainedModel:
    """Return the classifier of notebook 06: of its embeddings only the token types train."""
    model = new_model(checkpoint, LABELS, dropout=0.0)
    model.base_model.embeddings.word_embeddings.requires_grad_(False)
    model.base_model.embeddings.position_embeddings.requires_grad_(False)
    return model


def published_model(checkpoint) -> PreTrainedModel:
    """Return the classifier as it comes: everything is trained, with dropout."""
    return new_model(checkpoint, LABELS)


RECIPES = {"fine-tuned": our_model, "with dropout and all weights": published_model}


def fine_tuned(dataset, checkpoint, seed: int, make_model: Callable) -> np.ndarray:
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
            train_sampling_strategy="group_by_length",
            save_strategy="no",
            logging_strategy="no",
            seed=seed,
            report_to="none",
            disable_tqdm=True,
            **environment.precision_arguments(),
        )
        trainer = Trainer(
            model_init=lambda: make_model(checkpoint),
            args=arguments,
            train_dataset=encoded["train"],
            processing_class=tokenizer,
        )
        trainer.remove_callback(PrinterCallback)
        train(trainer)
        prediction = trainer.predict(encoded["test"])
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
    runs = {title: [f"{title}, seed {seed}" for seed in SEEDS] for title in RECIPES}
    for title, make_model in RECIPES.items():
        for name, seed in zip(runs[title], SEEDS, strict=True):
            guesses[name] = fine_tuned(dataset, checkpoint, seed, make_model)
    table = pd.DataFrame({name: score(labels, guess) for name, guess in guesses.items()}).T
    print(table.round(3).to_string())
    for title, names in runs.items():
        scores = table.loc[names, "macro F1"]
        print(f"{title}: mean {scores.mean():.3f}, standard deviation {scores.std():.3f}")
        for name in names:
            low, high = metrics.difference_interval(labels, guesses[name], guesses["word overlap"])
            print(f"{name}, minus word overlap: 95% interval {low:+.3f} to {high:+.3f}")


if __name__ == "__main__":
    main()
