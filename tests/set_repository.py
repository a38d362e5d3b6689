"""Write the address of this repository to every place that needs it.

    python tests/set_repository.py https://github.com/OWNER/NAME

The address stands in pyproject.toml. The badges in README.md and in the notebooks, and the first
cell of each notebook, which fetches the repository where a notebook was opened alone, repeat it.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLAB = "https://colab.research.google.com"


def repository() -> str:
    """Return the address in pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]["urls"]["Repository"]


def badge(name: str, address: str) -> str:
    """Return the Markdown of the badge that opens a notebook, by file name, in Colab."""
    target = address.replace("https://github.com/", f"{COLAB}/github/")
    image = f"![Open in Colab]({COLAB}/assets/colab-badge.svg)"
    return f"[{image}]({target}/blob/main/notebooks/{name})"


def main() -> int:
    """Replace the old address by the one on the command line; return the exit status."""
    address = sys.argv[1].rstrip("/").removesuffix(".git") if len(sys.argv) == 2 else ""
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        print("Give one address of the form https://github.com/OWNER/NAME", file=sys.stderr)
        return 2
    old, path = repository(), f"{COLAB}/github/"
    for file in (
        ROOT / "pyproject.toml",
        ROOT / "README.md",
        *(ROOT / "notebooks").glob("*.ipynb"),
    ):
        text = file.read_text(encoding="utf-8")
        for begin in ("https://github.com/", path):
            text = text.replace(
                old.replace("https://github.com/", begin),
                address.replace("https://github.com/", begin),
            )
        file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
