"""Notebook 03 in JupyterLab, in a real browser: run it, move a slider, train again, compare.

Two screenshots are kept in `screenshots/`, or in the folder that TUTORIAL_SCREENSHOTS names; in
that case with the notebook's own settings instead of small ones, which takes three minutes:

    TUTORIAL_SCREENSHOTS=notebooks/images pytest -m browser
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from refresh import NOTEBOOKS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ROOT = NOTEBOOKS.parent
NAME = "03_training_with_the_trainer.ipynb"
SMALL = "train_share = 0.2\nnum_train_epochs = 2\ncompare = False\n"
SETTINGS = {
    # all cells in the page, not only those in view
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no chromium on the path: on Debian, run  apt install chromium"
    ),
]


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with a fresh copy of the notebook, the helpers, and settings of JupyterLab."""
    for name, content in SETTINGS.items():
        path = tmp_path / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    home = tmp_path / "home"
    home.mkdir()
    (home / "helpers").symlink_to(ROOT / "helpers")
    notebook = nbformat.read(NOTEBOOKS / NAME, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":  # stored outputs would look like new ones
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("jupyter", None)  # a folded cell has no prompt to wait for
        if "parameters" in cell.metadata.get("tags", []) and not _for_readme():
            cell.source += "\n" + SMALL
        elif "parameters" in cell.metadata.get("tags", []):
            cell.source += "\ncompare = False"
    nbformat.write(notebook, home / NAME)
    return home


def _for_readme() -> bool:
    return "TUTORIAL_SCREENSHOTS" in os.environ


@pytest.fixture
def server(folder, monkeypatch):
    """The address of a JupyterLab on this machine; its runs go to `folder / "runs"`."""
    monkeypatch.setenv("TUTORIAL_RUNS", str(folder / "runs"))
    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", str(folder.parent / "settings"))
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # the kernel is a reader's, who sees the curves
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
    options = {
        "ServerApp.ip": "127.0.0.1", "ServerApp.port": port, "ServerApp.port_retries": 0,
        "ServerApp.root_dir": folder, "IdentityProvider.token": "secret",
    }  # fmt: skip
    log = (folder.parent / "server.log").open("w")
    process = subprocess.Popen(
        command + [f"--{name}={value}" for name, value in options.items()], stdout=log, stderr=log
    )
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api/status?token=secret")
                break
            except OSError:
                time.sleep(0.5)
        yield f"{address}/lab/tree/{NAME}?token=secret&reset"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def page(server):
    """The notebook in the browser, with an idle kernel."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1200, "height": 1250})
        page.goto(server)
        indicator = ".jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status=idle]"
        page.wait_for_selector(indicator, timeout=90_000)
        page.keyboard.press("Control+b")  # no side bar, more room
        yield page
        browser.close()


def test_run_all_move_a_slider_train_again(page, folder):
    from playwright.sync_api import expect

    minutes = 60_000
    code = page.locator(".jp-Notebook .jp-CodeCell")
    _run_all(page, code.first)
    expect(code.last.locator(".jp-InputPrompt")).to_have_text(
        f"[{code.count()}]:", timeout=5 * minutes
    )
    expect(page.get_by_text("Error", exact=True)).to_have_count(0)
    assert sorted(path.name for path in (folder / "runs").iterdir()) == ["small-001"]

    cell = code.filter(has=page.locator(".widget-hslider")).last
    cell.scroll_into_view_if_needed()
    _every_control_is_reached_by_tab_and_labelled(page, cell)

    rate = cell.locator(".widget-hslider").first
    before = rate.locator(".widget-readout").inner_text()
    assert float(before) == 1.5e-4, "the start value is shown as it is"
    rate.locator(".noUi-handle").focus()
    for _ in range(4):
        page.keyboard.press("PageDown")
    expect(rate.locator(".widget-readout")).not_to_have_text(before)
    chosen = float(rate.locator(".widget-readout").inner_text())

    cell.get_by_role("button", name="Train").click()
    live = cell.locator(".widget-output .widget-html img")
    expect(live).to_be_visible(timeout=2 * minutes)
    first_picture = live.get_attribute("src")
    expect(live).not_to_have_attribute("src", first_picture, timeout=2 * minutes)
    assert "step" in live.get_attribute("alt")
    if _for_readme():
        page.wait_for_timeout(40_000)
    _screenshot(cell, "form.png")

    rows = cell.locator(".widget-output table tbody tr")
    expect(rows).to_have_count(2, timeout=5 * minutes)
    assert rows.locator("th").all_inner_texts() == ["small-001", "small-002"]
    settings = json.loads((folder / "runs" / "small-002" / "hyperparameters.json").read_text())
    assert settings["learning_rate"] == chosen != float(before)
    curve = cell.locator(".widget-output .jp-RenderedImage img")
    expect(curve).to_have_count(1)
    assert curve.evaluate("image => image.naturalWidth") == 700
    _screenshot(cell.locator(".widget-output"), "comparison.png")

    cell.get_by_role("button", name="Train").click()  # now it may reach another thread
    while not list((folder / "runs").glob("small-003/checkpoint-*/trainer_state.json")):
        page.wait_for_timeout(200)
    page.locator("[data-command='notebook:interrupt-kernel']").first.click()
    stopped = cell.locator(".widget-output").get_by_text("Interrupted: Stopped after step")
    expect(stopped).to_be_visible(timeout=minutes)
    figures = json.loads((folder / "runs" / "small-003" / "metrics.json").read_text())
    assert figures["status"] == "interrupted"


def _run_all(page, first):
    """Run all cells by keyboard; JupyterLab shows an idle kernel before it listens."""
    from playwright.sync_api import expect

    for _ in range(10):
        page.wait_for_timeout(3000)
        first.locator(".cm-content").click(force=True)
        for keys in ("Escape", "Control+a", "Control+Enter"):
            page.keyboard.press(keys)
        page.wait_for_timeout(1000)
        if first.locator(".jp-InputPrompt").inner_text() != "[ ]:":
            break
    expect(first.locator(".jp-InputPrompt")).to_have_text("[1]:", timeout=60_000)


def _every_control_is_reached_by_tab_and_labelled(page, cell):
    """Walk through the form with the tab key and collect what has the focus."""
    labels = cell.locator(".widget-hslider > label").all_inner_texts()
    assert len(labels) == 8 and all(labels)
    switches = {
        text.strip("\u200b\n ") for text in cell.locator(".widget-checkbox").all_inner_texts()
    }
    assert switches == {"frozen embeddings", "frozen encoder"}
    cell.locator(".noUi-handle").first.focus()
    reached = []
    for _ in range(20):
        reached.append(
            page.evaluate(
                """() => {
                    const focus = document.activeElement;
                    const slider = focus.closest(".widget-hslider");
                    if (slider) return slider.querySelector("label").innerText;
                    return focus.innerText || focus.closest("label")?.innerText || "";
                }"""
            )
        )
        page.keyboard.press("Tab")
    assert set(labels) <= set(reached)
    assert {*switches, "Train", "Reset"} <= {text.strip() for text in reached}


def _screenshot(element, name: str) -> None:
    """Keep a picture of 800 pixels in 64 colours, which a README bears."""
    from PIL import Image

    path = Path(os.environ.get("TUTORIAL_SCREENSHOTS") or ROOT / "screenshots") / name
    path.parent.mkdir(exist_ok=True)
    element.screenshot(path=path)
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((800, 2000))
    picture.quantize(64).save(path, optimize=True)
