"""Install what a notebook needs and does not find; this module needs nothing but Python."""

import importlib.util
import re
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path

from helpers.errors import TutorialError

ROOT = Path(__file__).resolve().parent.parent
_may_install = False  # what `ensure` was told, for `require`


def missing() -> list[str]:
    """Return the packages of pyproject.toml that are absent or older than its lower bounds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pairs = (re.fullmatch(r"([\w.-]+)>=([\d.]+)", line) for line in project["dependencies"])
    return [m[1] for m in pairs if m and installed(m[1]) < numbers(m[2])]


def installed(package: str) -> tuple[int, ...]:
    """Return the numbers of a package's version, such as (2, 13, 0); none if it is absent."""
    try:
        return numbers(metadata.version(package))
    except metadata.PackageNotFoundError:
        return ()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version such as "2.13.0+cpu"."""
    return tuple(int(part) for part in re.match(r"\d+(\.\d+)*", version)[0].split("."))


def tested_versions() -> dict[str, str]:
    """Return package -> version for each line `package==version` of requirements.txt."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, flags=re.MULTILINE))


def ensure(install: bool) -> None:
    """See to it that no package is missing; do nothing where all are there.

    Args:
        install: whether to install what is missing, in the versions that the notebooks were tested
            with. No other installed package changes, torch and numpy least of all.

    Raises:
        TutorialError: something is missing, and `install` is False or pip did not succeed.
    """
    global _may_install
    _may_install = install
    names = missing()
    if not names:
        return
    if not install:
        raise TutorialError(
            f"Missing or too old: {', '.join(names)}. Run  pip install -r requirements.txt  in "
            f"{ROOT} and restart the kernel."
        )
    print(f"Installing {', '.join(names)} ...")
    pip_install([f"{name}=={tested_versions()[name]}" for name in names], may_change=names)


def require(*names: str) -> None:
    """See to it that the packages of one part of a notebook are there, before they are imported.

    They are installed where `ensure` was allowed to install.

    Raises:
        TutorialError: some are missing, and the sentence says how to install them; or pip did not
            succeed.
    """
    known = tested_versions()
    absent = [name for name in names if importlib.util.find_spec(name) is None]
    pinned = [f"{name}=={known[name]}" if name in known else name for name in absent]
    if pinned and not _may_install:
        raise TutorialError(f"This part needs  pip install {' '.join(pinned)}  and a new kernel.")
    if pinned:
        print(f"Installing {', '.join(absent)} ...")
        pip_install(pinned, may_change=absent)


def pip_install(requirements: list[str], may_change: list[str] = ()) -> None:
    """Install requirements while all other installed packages stay as they are.

    Args:
        requirements: such as "evaluate==0.4.6".
        may_change: names of packages that may change their version.

    Raises:
        TutorialError: pip found no way that leaves the other packages alone, or no package index.
    """
    pins = {}
    for found in metadata.distributions():
        if found.name:  # the first of two is the one that Python imports
            pins.setdefault(_normal(found.name), found.version)
    free = [_normal(name) for name in may_change]
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        lines = (f"{name}=={version}" for name, version in pins.items() if name not in free)
        constraints.write_text("\n".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-color"]
        command += ["--disable-pip-version-check", "-c", str(constraints)]
        done = subprocess.run([*command, *requirements], capture_output=True, text=True)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = errors[-1] if errors else done.stderr.strip()[-300:]
        raise TutorialError(f"pip could not install {', '.join(requirements)}: {reason}")
    importlib.invalidate_caches()
