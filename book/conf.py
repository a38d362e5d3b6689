"""Settings of Sphinx for the site; see build.py."""

import base64
import hashlib
import json
import sys
import tomllib
from pathlib import Path

from docutils import nodes

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book"))  # for the function that Sphinx takes from build.py
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "Fine-tune BERT for text classification"
language = "en"
highlight_language = "none"  # of a block in Markdown that names no language
extensions = ["myst_nb", "sphinx_copybutton"]

nb_execution_mode = "off"  # the stored outputs are shown
nb_code_prompt_show = "Show the solution"  # no other cell is folded
nb_code_prompt_hide = "Hide the solution"
nb_ipywidgets_js = {}  # nothing is fetched from another server
myst_enable_extensions = []  # a dollar is a dollar
myst_heading_anchors = 3
myst_heading_slug_func = "build.anchor"
linkcheck_ignore = [r"https://colab\.research\.google\.com/"]  # it answers to any address

html_theme = "sphinx_book_theme"
html_title = project
html_show_copyright = False
html_copy_source = False
html_static_path = ["style"]
html_css_files = ["book.css"]
html_theme_options = {
    "repository_url": PROJECT["urls"]["Repository"],
    "use_repository_button": True,
    "use_download_button": False,
    "show_toc_level": 2,
    "navbar_start": [],  # the menu at the left has the search field
    "navbar_center": [],
    "navbar_end": [],
    "navbar_persistent": [],
}
copybutton_selector = "div.cell_input pre, div.highlight-python pre, div.highlight-none pre"


def alternative_texts() -> dict[str, str]:
    """Return the alternative texts of the notebooks' pictures; keys: the SHA-256 of a picture."""
    texts = {}
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                alt = output.get("metadata", {}).get("image/png", {}).get("alt")
                if alt:
                    picture = base64.b64decode("".join(output["data"]["image/png"]))
                    texts[hashlib.sha256(picture).hexdigest()] = alt
    return texts


TEXTS = alternative_texts()


def add_alternative_texts(app, doctree) -> None:
    """Give each picture of a notebook its own text; myst-nb knows one text for a whole cell."""
    for picture in doctree.findall(nodes.image):
        picture.attributes.setdefault("alt", TEXTS.get(Path(picture["uri"]).stem, ""))


def setup(app) -> None:
    """Register what is done after a page is read."""
    app.connect("doctree-read", add_alternative_texts)
