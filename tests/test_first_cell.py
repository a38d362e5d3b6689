"""The first cell of every notebook: at home it does nothing, alone it fetches and installs."""

import os
import re
import shutil
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from refresh import NOTEBOOKS
from set_repository import badge, repository

from helpers import packages
from helpers.errors import TutorialError

ROOT = NOTEBOOKS.parent
PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
PREINSTALLED = ("torch", "numpy", "nbclient", "ipykernel")  # with what they require


def first_cell(path=PATHS[0]) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return next(cell.source for cell in cells if cell.cell_type == "code")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_address_and_badges_are_the_same_everywhere(path):
    address = repository()
    assert f'REPOSITORY = "{address}"' in first_cell(path)
    title = nbformat.read(path, as_version=4).cells[0].source
    assert badge(path.name, address) in title
    assert badge(path.name, address) in (ROOT / "README.md").read_text(encoding="utf-8")


def test_one_command_sets_the_address(tmp_path):
    for name in ("pyproject.toml", "README.md", "notebooks", "tests"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    command = [sys.executable, "tests/set_repository.py"]
    done = subprocess.run([*command, "https://github.com/ada/bert"], cwd=tmp_path)
    assert done.returncode == 0
    files = [tmp_path / "pyproject.toml", tmp_path / "README.md"]
    for file in [*files, *(tmp_path / "notebooks").glob("*.ipynb")]:
        text = file.read_text(encoding="utf-8")
        assert "github.com/ada/bert" in text or "github/ada/bert/" in text
        assert repository().removeprefix("https://github.com/") not in text
    assert 'REPOSITORY = "https://github.com/ada/bert"' in first_cell(
        tmp_path / "notebooks" / PATHS[0].name
    )
    for wrong in ("", "ada/bert", "https://example.com/ada/bert"):
        done = subprocess.run([*command, wrong], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 2 and "https://github.com/OWNER/NAME" in done.stderr


def environment(guard: bool = True, **more: str) -> dict[str, str]:
    """Return the variables for a process; without the guard, pip may reach the package index."""
    variables = os.environ | more
    if not guard:
        variables = {k: v for k, v in variables.items() if k != "TUTORIAL_NETWORK_LOG"}
    return variables


def run_first_cell(folder: Path, python=sys.executable, **variables: str):
    command = [python, "-c", first_cell()]
    return subprocess.run(
        command, cwd=folder, env=environment(**variables), capture_output=True, text=True
    )


def test_in_the_repository_it_fetches_and_installs_nothing(tmp_path):
    """Neither git nor pip can be found, and nothing is missed."""
    before = sorted(path.name for path in NOTEBOOKS.iterdir())
    done = run_first_cell(NOTEBOOKS, PATH=str(tmp_path))
    assert done.returncode == 0 and "Device: " in done.stdout, done.stderr
    assert "Installing" not in done.stdout
    assert sorted(path.name for path in NOTEBOOKS.iterdir()) == before


def test_a_repository_that_cannot_be_fetched_is_named(tmp_path):
    address = f"file://{tmp_path}/nowhere"
    done = run_first_cell(tmp_path, TUTORIAL_REPOSITORY=address)
    assert f"RuntimeError: {address} could not be fetched" in done.stderr
    assert not list(tmp_path.iterdir())


def test_missing_and_old_packages_are_found(monkeypatch):
    assert packages.missing() == []
    installed = metadata.version

    def version(name):
        if name == "evaluate":
            raise metadata.PackageNotFoundError
        return {"transformers": "4.57.6", "torch": "2.13.0+cu130"}.get(name) or installed(name)

    monkeypatch.setattr(packages.metadata, "version", version)
    assert packages.missing() == ["transformers", "evaluate"]
    with pytest.raises(TutorialError, match="transformers, evaluate.*requirements.txt"):
        packages.ensure(install=False)


def test_an_installation_that_would_move_numpy_is_refused():
    before = metadata.version("numpy")
    with pytest.raises(TutorialError, match="numpy"):
        packages.pip_install(["--no-index", "numpy<2"])
    assert metadata.version("numpy") == before


def test_of_a_package_that_is_there_twice_the_first_counts(monkeypatch, tmp_path):
    for place, version in (("new", "2.0"), ("old", "1.0")):
        folder = tmp_path / place / "Some_Package-1.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Name: Some_Package\nVersion: {version}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "new"), str(tmp_path / "old")])
    constraints = []

    def read_constraints(command, **options):
        constraints.append(Path(command[command.index("-c") + 1]).read_text())
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(packages.subprocess, "run", read_constraints)
    packages.pip_install(["evaluate"])
    packages.pip_install(["evaluate"], may_change=["some.package"])
    assert constraints == ["some-package==2.0", ""]


def closure(names) -> dict[str, metadata.Distribution]:
    """Return the distributions that packages need, themselves included, by name."""
    found, waiting = {}, list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        for line in found[name].requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def link(distribution: metadata.Distribution, site: Path) -> None:
    """Make a distribution available in another environment, without a copy."""
    for name in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
        if not (site / name).exists():
            (site / name).symlink_to(Path(distribution.locate_file(name)).resolve())


@pytest.fixture(scope="module")
def fresh_python(tmp_path_factory) -> Path:
    """The Python of a new virtual environment, which has torch and numpy but not transformers."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, with_pip=True)
    site = next(folder.glob("lib/python*/site-packages"))
    for path in [*site.glob("setuptools*"), *site.glob("pkg_resources")]:
        shutil.rmtree(path)  # torch brings its own
    for distribution in closure(PREINSTALLED).values():
        link(distribution, site)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def remote(tmp_path_factory) -> str:
    """The file:// address of a repository that holds the files of this one as they are now."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a clone of this repository")
    folder = tmp_path_factory.mktemp("remote")
    for name in filter(None, done.stdout.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.com"]
    for step in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *step], cwd=folder, check=True)
    return folder.as_uri()


def versions(python: Path) -> dict[str, str]:
    command = [python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(line.split("==") for line in done.stdout.splitlines())


def first_output(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return next(cell.outputs[0].text for cell in cells if cell.cell_type == "code")


@pytest.mark.colab
@pytest.mark.skipif(sys.platform == "win32", reason="links packages, which Windows may forbid")
def test_a_notebook_alone_fetches_and_installs_once(tmp_path, fresh_python, remote):
    probe = [fresh_python, "-m", "pip", "download", "-q", "--no-deps", "evaluate", "-d", tmp_path]
    if subprocess.run(probe, env=environment(guard=False), capture_output=True).returncode:
        pytest.skip("no package index can be reached")
    folder = tmp_path / "content"
    folder.mkdir()
    name = "02_model_loading.ipynb"
    shutil.copy(NOTEBOOKS / name, folder)
    before = versions(fresh_python)
    assert "transformers" not in before and {"torch", "numpy"} <= before.keys()

    colab = {"TUTORIAL_REPOSITORY": remote, "COLAB_RELEASE_TAG": "a test"}
    execute = (
        f"import nbclient, nbformat; notebook = nbformat.read({name!r}, 4); "
        "nbclient.execute(notebook); nbformat.write(notebook, 'out.ipynb')"
    )
    first = subprocess.run(
        [fresh_python, "-c", execute], cwd=folder, env=environment(guard=False, **colab),
        capture_output=True, text=True,
    )  # fmt: skip
    assert first.returncode == 0, first.stderr[-3000:]
    assert "Installing transformers" in first_output(folder / "out.ipynb")
    after = versions(fresh_python)
    assert after.keys() >= {"transformers", "evaluate", "captum", "peft"}
    assert {name: after[name] for name in before} == before, "nothing else has moved"

    second = run_first_cell(folder, fresh_python, **colab)  # with the guard: no network needed
    assert second.returncode == 0 and "Installing" not in second.stdout, second.stderr
    assert versions(fresh_python) == after
