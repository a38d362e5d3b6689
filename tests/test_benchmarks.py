"""What the benchmarks change, beyond the recipe of the notebooks, must change nothing else."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
)

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import further
import speed

from helpers import checkpoints


@pytest.fixture
def model():
    name = checkpoints.get("small").name
    torch.manual_seed(0)
    return AutoModelForSequenceClassification.from_pretrained(
        name, num_labels=3, attn_implementation="eager",
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip


@pytest.fixture
def batch():
    tokenizer = AutoTokenizer.from_pretrained(checkpoints.get("small").name)
    texts = ["A film to see twice.", "Dull.", "It begins well, and then it loses its way."]
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    return {**inputs, "labels": torch.tensor([0, 1, 2])}


def test_a_last_layer_for_the_first_token_gives_the_same_loss_and_gradients(model, batch):
    expected = model(**batch)
    expected.loss.backward()
    gradients = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    found = further.read_first_token_only(model)(**batch)
    found.loss.backward()
    assert torch.allclose(found.logits, expected.logits, atol=1e-6)
    for name, weight in model.named_parameters():
        assert torch.allclose(weight.grad, gradients[name], atol=1e-6), name


def test_copies_in_fp32_keep_steps_that_bf16_would_lose():
    weight = torch.nn.Parameter(torch.ones(4, dtype=torch.bfloat16))
    exact = torch.nn.Parameter(torch.ones(4))
    arguments = {"lr": 1e-3, "weight_decay": 0.0}
    ours = further.AdamWWithCopies([{"params": [weight]}], **arguments)
    plain = torch.optim.AdamW([exact], **arguments)
    for _ in range(20):
        weight.grad, exact.grad = torch.ones_like(weight), torch.ones_like(exact)
        ours.step()
        plain.step()
    assert torch.allclose(ours.copies[0], exact)
    assert torch.equal(weight, exact.bfloat16()) and not torch.equal(weight, torch.ones(4))


def test_lengths_are_those_of_sst2():
    lengths = speed.sst2_lengths(speed.SENTENCES)
    assert lengths.mean() == pytest.approx(13.3, abs=0.05)
    assert np.percentile(lengths, 99) == 44
    assert lengths.max() == 66 and lengths.min() >= 3


def test_the_parts_of_an_epoch_are_timed():
    tokenizer = AutoTokenizer.from_pretrained(checkpoints.get("small").name)
    rows = speed.reviews("validation", tokenizer).select(range(24))
    to_128 = DataCollatorWithPadding(tokenizer, padding="max_length", max_length=128)
    found = speed.seconds_of(rows, to_128, 8)
    assert found.pop("share of padding") == pytest.approx(1 - sum(rows["length"]) / (24 * 128))
    whole = found.pop("all in the Trainer")
    assert len(found) == 5 and min(found.values()) > 0
    assert whole / 10 < sum(found.values()) < 10 * whole  # the same work, timed twice


def test_the_epoch_on_a_gpu_runs_its_code_without_one(capsys):
    speed.epoch(smoke=True)
    assert "epoch of 25 steps" in capsys.readouterr().out
