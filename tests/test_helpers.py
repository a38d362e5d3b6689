"""The helpers as a whole: no module is long, and imports run one way."""

import ast
from graphlib import TopologicalSorter

import pytest

from helpers.environment import ROOT

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "helpers").rglob("*.py"))
}


def imported(path) -> set[str]:
    """Return the helpers that a module imports, wherever the import stands in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names & MODULES.keys() - {"helpers"}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_at_most_200_lines_long(name):
    lines = len(MODULES[name].read_text(encoding="utf-8").splitlines())
    assert lines <= 200, f"{name} has {lines} lines: split it, or show more in a notebook"


def test_imports_run_one_way():
    graph = {name: imported(path) for name, path in MODULES.items()}
    order = list(TopologicalSorter(graph).static_order())  # a circle is a CycleError
    assert order.index("helpers.runs") > order.index("helpers.environment")
    top = {"helpers.widgets", "helpers.fine_tuning", "helpers.search", "helpers.text_box"}
    below = set().union(*(names for name, names in graph.items() if name not in top))
    assert not below & top, "these are for notebooks, not for other helpers"
