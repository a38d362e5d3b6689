"""Settings of all tests: the small track, no network, and runs in a folder of their own."""

import importlib.util
import os
import tempfile
from pathlib import Path

GUARD = Path(__file__).parent / "tests" / "no_network" / "sitecustomize.py"
FOLDER = tempfile.TemporaryDirectory(prefix="notebook-tests-", ignore_cleanup_errors=True)
NETWORK_LOG = Path(FOLDER.name) / "network.log"


def pytest_configure(config):
    """Set what the kernels of the notebooks inherit, and guard this process too."""
    os.environ["TUTORIAL_TRACK"] = "small"
    os.environ["TUTORIAL_RUNS"] = str(Path(FOLDER.name) / "runs")
    os.environ["TUTORIAL_NETWORK_LOG"] = str(NETWORK_LOG)
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(GUARD.parent), *([path] if path else [])])
    spec = importlib.util.spec_from_file_location("network_guard", GUARD)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def pytest_sessionfinish(session):
    """Fail the whole run if anything tried to reach the network, or was skipped in CI."""
    if NETWORK_LOG.exists():
        print("\nThese connections were attempted; the small track must need none:")
        print(NETWORK_LOG.read_text(encoding="utf-8"))
        session.exitstatus = 1
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and os.environ.get("TUTORIAL_NOTHING_SKIPPED"):
        print("\nTUTORIAL_NOTHING_SKIPPED is set, and these tests were skipped:")
        print(*(f"{report.nodeid}: {report.longrepr[2]}" for report in skipped), sep="\n")
        session.exitstatus = 1


def pytest_unconfigure(config):
    """Remove the runs that the notebooks made."""
    FOLDER.cleanup()
