"""The guard that makes every other test a proof that nothing is fetched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GUARD = Path(__file__).parent / "no_network"
CALLS = {
    "by name": "socket.create_connection(('example.com', 80), timeout=2)",
    "by address": "socket.create_connection(('192.0.2.1', 80), timeout=2)",
    "lookup": "socket.getaddrinfo('example.com', 80)",
    "hub": "__import__('huggingface_hub').HfApi().model_info('google-bert/bert-base-uncased')",
}


def run(call, tmp_path):
    log = tmp_path / "network.log"
    env = os.environ | {"PYTHONPATH": str(GUARD), "TUTORIAL_NETWORK_LOG": str(log)}
    done = subprocess.run(
        [sys.executable, "-c", f"import socket; {call}"], env=env, capture_output=True, timeout=60
    )
    return done.returncode, log.read_text() if log.exists() else ""


def test_connections_beyond_this_machine_fail_and_are_noted(tmp_path):
    for name, call in CALLS.items():
        (tmp_path / name).mkdir()
        status, log = run(call, tmp_path / name)
        assert status != 0 and log, name


def test_connections_on_this_machine_work(tmp_path):
    call = (
        "s = socket.create_server(('127.0.0.1', 0)); "
        "socket.create_connection(('localhost', s.getsockname()[1])).close()"
    )
    assert run(call, tmp_path) == (0, "")


def run_pytest(folder, test, **variables):
    """Run a test file beside copies of conftest.py and of the guard."""
    root = GUARD.parent.parent
    (folder / "tests" / "no_network").mkdir(parents=True)
    for name in ("conftest.py", "tests/no_network/sitecustomize.py"):
        (folder / name).write_text((root / name).read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "test_one.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
    env = {k: v for k, v in os.environ.items() if not k.startswith("TUTORIAL_")} | variables
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def test_an_attempt_that_is_swallowed_fails_the_whole_run(tmp_path):
    done = run_pytest(
        tmp_path,
        "import socket\ndef test():\n    try: socket.getaddrinfo('example.com', 80)\n"
        "    except OSError: pass\n",
    )
    assert "1 passed" in done.stdout and "example.com" in done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize(("variables", "status"), [({}, 0), ({"TUTORIAL_NOTHING_SKIPPED": "1"}, 1)])
def test_a_skipped_test_fails_the_run_where_that_is_asked_for(tmp_path, variables, status):
    test = "import pytest\ndef test():\n    pytest.skip('no browser here')\n"
    done = run_pytest(tmp_path, test, **variables)
    assert done.returncode == status, done.stdout
    assert ("no browser here" in done.stdout) == bool(status)
