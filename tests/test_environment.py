"""Track, precision and the set-up report."""

from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from transformers import BertConfig, BertForSequenceClassification

from helpers import environment, hyperparameters
from helpers.errors import TutorialError


@pytest.mark.parametrize(
    ("device", "options", "expected"),
    [
        ("cuda", {"capability": (7, 5)}, {"fp16": True}),  # T4
        ("cuda", {"capability": (8, 0)}, {"bf16": True}),  # A100
        ("cuda", {"capability": (9, 0)}, {"bf16": True}),  # H100, H200
        ("cpu", {"cpu_bf16": True}, {"bf16": True, "use_cpu": True}),
        ("cpu", {"cpu_bf16": False}, {"bf16": False, "use_cpu": True}),
        ("mps", {}, {}),
    ],
)
def test_precision(device, options, expected):
    found = environment.precision_for(device, **options)
    assert found.pop("dataloader_pin_memory", False) is False
    assert found == expected


CARDS = [  # name, compute capability, GiB, precision
    ("Tesla T4", (7, 5), 15, "fp16"),
    ("NVIDIA A100-SXM4-40GB", (8, 0), 40, "bf16"),
    ("NVIDIA H200", (9, 0), 140, "bf16"),
]


@pytest.mark.skipif(torch.cuda.is_available(), reason="what is chosen without a GPU")
@pytest.mark.parametrize(("max_length", "expected"), [(128, "eager"), (256, "sdpa")])
def test_attention_on_a_cpu_depends_on_the_length(monkeypatch, max_length, expected):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert environment.attention_implementation(max_length) == expected


@pytest.mark.parametrize(("name", "capability", "memory", "precision"), CARDS)
def test_choices_for_a_card(monkeypatch, name, capability, memory, precision):
    """What the notebooks choose where a card has these properties, and that its memory holds it."""
    card = SimpleNamespace(name=name, total_memory=memory * 2**30)
    monkeypatch.delenv("TUTORIAL_TRACK")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    assert environment.precision_arguments() == {precision: True}
    assert environment.attention_implementation(max_length=16) == "sdpa"
    assert environment.describe_device() == f"{name}, {memory} GiB"

    chosen = hyperparameters.defaults(environment.choose_track())
    assert (chosen["per_device_train_batch_size"], chosen["learning_rate"]) == (32, 3e-5)
    with torch.device("meta"):
        weights = BertForSequenceClassification(BertConfig()).num_parameters()
    # bytes of activations in 16 bits, as in Korthikanti and others, arxiv.org/abs/2205.05198
    texts, tokens, config = chosen["per_device_train_batch_size"], 128, BertConfig()
    width, heads = config.hidden_size, config.num_attention_heads
    layer = tokens * texts * width * (34 + 5 * heads * tokens / width)
    needed = 16 * weights + config.num_hidden_layers * layer
    assert needed < card.total_memory / 2


def test_track_from_environment_beats_the_argument(monkeypatch):
    monkeypatch.setenv("TUTORIAL_TRACK", "full")
    assert environment.choose_track("small") == "full"


@pytest.mark.parametrize(("gpu", "track"), [(True, "full"), (False, "small")])
def test_auto_track_follows_the_gpu(monkeypatch, gpu, track):
    monkeypatch.delenv("TUTORIAL_TRACK")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert environment.choose_track() == track


def test_unknown_track(monkeypatch):
    monkeypatch.delenv("TUTORIAL_TRACK")
    with pytest.raises(TutorialError, match="'large'"):
        environment.choose_track("large")


def test_report_names_what_it_runs_on(capsys):
    environment.set_up()
    out = capsys.readouterr().out
    assert f"torch {torch.__version__}" in out and "Device: " in out
    assert "other versions" not in out, "requirements.txt is what is installed here"


def test_tables_show_html_and_dollar_signs_as_text():
    environment.set_up()
    table = pd.DataFrame({"text": ["<b>bold</b> <script>x</script> $5 and $6$"]}).to_html()
    assert "&lt;b&gt;bold" in table and "<script>" not in table
    assert "tex2jax_ignore" in pd.DataFrame({"text": ["$5"]})._repr_html_()


def test_a_notebook_shows_an_error_as_one_sentence(capsys):
    shell = InteractiveShell.instance()
    shell.run_cell("from helpers.environment import choose_track, os\n"
                   "os.environ.pop('TUTORIAL_TRACK', None)\nchoose_track('huge')")  # fmt: skip
    out = capsys.readouterr().out
    assert out.count("\n") <= 2 and "'huge'" in out


def test_peak_memory_is_in_mib():
    assert 100 < environment.peak_memory() < 100_000
