"""Runs that are killed, stopped by hand, or too large for the memory: in processes of their own."""

import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jupyter_client import KernelManager

from helpers import checkpoints, data, run_files, runs
from helpers.errors import TutorialError
from helpers.fine_tuning import fine_tune
from helpers.hyperparameters import DEFAULTS

SETTINGS = DEFAULTS | {
    "num_train_epochs": 4,
    "per_device_train_batch_size": 8,
    "hidden_dropout_prob": 0.1,  # a resumed run must go on with the same random numbers, too
    "logging_steps": 1,
}


def train(resume: bool = False, rows: int = 64, **changes):
    whole = data.load_sentences("small")
    few = whole.__class__({split: table.select(range(rows)) for split, table in whole.items()})
    return fine_tune(few, checkpoints.get("small"), SETTINGS | changes, "small", resume=resume)


def start(folder: Path) -> subprocess.Popen:
    """Start `train()` in a process of its own, whose runs go to `folder`."""
    return subprocess.Popen(
        [sys.executable, "-c", "import test_faults; test_faults.train()"],
        env=_environment(TUTORIAL_RUNS=str(folder)), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def stop_in_the_third_epoch(folder: Path, number: signal.Signals) -> subprocess.Popen:
    process = start(folder)
    for line in process.stdout:
        if line.startswith("epoch 2 "):
            break
    while not (folder / "small-001" / "checkpoint-16" / "trainer_state.json").exists():
        time.sleep(0.05)
    time.sleep(0.7)  # a few of the eight steps of the next epoch
    process.send_signal(number)
    process.rest, process.errors = process.communicate(timeout=60)
    return process


def losses(folder: Path) -> list[tuple]:
    return [
        (entry["step"], name, entry[name])
        for entry in run_files.history(folder)
        for name in ("loss", "grad_norm", "eval_loss", "eval_macro_f1")
        if name in entry
    ]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The losses of the run that nobody disturbs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUTORIAL_RUNS", str(tmp_path_factory.mktemp("reference")))
        return losses(Path(train().args.output_dir))


def test_a_killed_run_resumes_to_the_same_losses(tmp_path, monkeypatch, reference):
    killed = stop_in_the_third_epoch(tmp_path, signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    monkeypatch.setenv("TUTORIAL_RUNS", str(tmp_path))
    table = runs.table()
    assert table.status.tolist() == ["unfinished"] and table.epochs_run.item() in (2, 3)
    half_written = tmp_path / "small-001" / "checkpoint-24"
    half_written.mkdir(exist_ok=True)
    (half_written / "trainer_state.json").write_text('{"log_hist')
    train(resume=True)
    assert losses(tmp_path / "small-001") == reference
    assert len([step for step, name, _ in reference if name == "loss"]) == 32
    assert runs.table().status.tolist() == ["finished"]


def test_an_interrupted_run_is_usable_and_resumes_to_the_same_losses(
    tmp_path, monkeypatch, reference
):
    stopped = stop_in_the_third_epoch(tmp_path, signal.SIGINT)
    assert "Interrupted: Stopped after step" in stopped.errors
    monkeypatch.setenv("TUTORIAL_RUNS", str(tmp_path))
    table = runs.table()
    assert table.status.tolist() == ["interrupted"]
    assert table.low.item() <= table.macro_f1.item() <= table.high.item()
    assert (tmp_path / "small-001" / "model.safetensors").exists()
    assert runs.best("small") is None, "half a run is not offered as the best one"
    with pytest.raises(TutorialError, match="learning_rate=0.00015"):
        train(resume=True, learning_rate=1e-5)
    seconds = table.seconds.item()
    trainer = train(resume=True)
    assert losses(tmp_path / "small-001") == reference
    assert trainer.first_epoch in (2, 3) and runs.table().seconds.item() > seconds
    assert runs.table().status.tolist() == ["finished"]


def test_nothing_to_resume(tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_RUNS", str(tmp_path))
    with pytest.raises(TutorialError, match="resume=True"):
        train(resume=True)
    assert not list(tmp_path.iterdir())


def one_update(size: int) -> list[float]:
    """Train one update of 128 long texts while the process may take 2,000 MiB more.

    Returns steps, batches for the update, loss and length of the gradient.
    """
    import resource

    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    from helpers.training import train as train_safely

    def allow(mebibytes=None):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limit = used + mebibytes * 2**20 if mebibytes else resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))

    class LittleMemory(TrainerCallback):
        def on_step_begin(self, args, state, control, **kwargs):
            allow(2000)

        def on_step_end(self, args, state, control, **kwargs):
            allow()

    def model_init():
        allow()
        return AutoModelForSequenceClassification.from_pretrained(
            name, num_labels=3, hidden_dropout_prob=0, attention_probs_dropout_prob=0
        )

    name = checkpoints.get("small").name
    tokenizer = AutoTokenizer.from_pretrained(name)
    texts = data.load_sentences("small")["train"].select(range(128))
    texts = texts.map(lambda row: tokenizer(row["text"] * 20, truncation=True, max_length=128))
    trainer = Trainer(
        model_init=model_init,
        args=TrainingArguments(
            output_dir=runs.new("small", {}), num_train_epochs=1, per_device_train_batch_size=size,
            gradient_accumulation_steps=128 // size, learning_rate=1e-4, logging_steps=1,
            use_cpu=True, report_to="none", disable_tqdm=True, dataloader_pin_memory=False,
        ),
        train_dataset=texts,
        processing_class=tokenizer,
        callbacks=[LittleMemory()],
    )  # fmt: skip
    train_safely(trainer)
    entry = next(e for e in trainer.state.log_history if "loss" in e)
    accumulated = trainer.args.gradient_accumulation_steps
    return [trainer.state.max_steps, accumulated, entry["loss"], entry["grad_norm"]]


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory as only Linux does")
def test_a_batch_that_does_not_fit_is_halved_and_the_update_stays_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_RUNS", str(tmp_path))
    code = "import test_faults; print(*test_faults.one_update(128))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=_environment(), capture_output=True, text=True
    )
    *lines, result = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("Out of memory")] == [
        "Out of memory with batches of 128: starting again with batches of 64, 2 of them "
        "for each update."
    ], done.stderr
    steps, accumulated, *halved = [float(word) for word in result.split()]
    assert (steps, accumulated) == (1, 2)
    fits = one_update(32)
    assert fits[:2] == [1, 4]
    assert halved == pytest.approx(fits[2:], rel=1e-4), "loss and gradient of the same 128 texts"


def _environment(**more: str) -> dict:
    paths = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(Path(__file__).parent)])
    return os.environ | {"PYTHONPATH": paths, **more}


def test_interrupting_a_cell_records_the_run_and_stops_the_cells_after_it(tmp_path, monkeypatch):
    """In a kernel, as the stop button of a notebook does it; twice, so that it works again."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=_environment(TUTORIAL_RUNS=str(tmp_path)), cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    try:
        client.execute("import test_faults")
        for number in (1, 2):
            trains = client.execute("test_faults.train(num_train_epochs=20)")
            follows = client.execute("1 + 1")
            while not (tmp_path / f"small-00{number}" / "checkpoint-8" / "rng_state.pth").exists():
                time.sleep(0.1)
            manager.interrupt_kernel()
            assert _reply(client, trains)["ename"] == "Interrupted"
            assert _reply(client, follows)["status"] == "aborted"
        again = client.execute("test_faults.record_a_stopped_run()")
        assert _reply(client, again)["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    monkeypatch.setenv("TUTORIAL_RUNS", str(tmp_path))
    assert runs.table().status.tolist() == ["interrupted"] * 2


def record_a_stopped_run() -> None:
    """Go on with the cells after an interrupt, as a hasty reader does."""
    from helpers.training import record

    class Stopped:
        was_interrupted = True

    with pytest.raises(TutorialError, match="resume=True"):
        record(Stopped())


def _reply(client, message: str) -> dict:
    while True:
        reply = client.get_shell_msg(timeout=60)
        if reply["parent_header"]["msg_id"] == message:
            return reply["content"]


def print_memory_of_ten_runs() -> None:
    """Train ten times, as a reader does who runs a cell again; print the process's size each."""
    import psutil

    for number in range(10):
        trainer = train(num_train_epochs=1, rows=16)
        assert trainer.optimizer is None
        print(f"MEMORY {number} {psutil.Process().memory_info().rss / 2**20:.0f}")


def test_ten_runs_do_not_grow_the_process(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "import test_faults; test_faults.print_memory_of_ten_runs()"],
        env=_environment(TUTORIAL_RUNS=str(tmp_path)), capture_output=True, text=True,
    )  # fmt: skip
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("MEMORY")]
    memory = [int(mebibytes) for _, _, mebibytes in lines]
    assert len(memory) == 10, done.stderr
    first = memory[:3]
    grown = statistics.median(memory[-3:]) - max(first)
    assert grown <= max(first) - min(first), memory
