"""Track, precision and the set-up report."""

import pandas as pd
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from helpers import environment
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
