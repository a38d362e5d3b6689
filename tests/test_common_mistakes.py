"""Notebook 08: the cells that must fail are marked, and check what they fail with."""

import ast

import nbformat
import pytest
from refresh import NOTEBOOKS

CODE = [
    cell
    for cell in nbformat.read(NOTEBOOKS / "08_common_mistakes.ipynb", as_version=4).cells
    if cell.cell_type == "code"
]


def expected_errors(cell) -> list[tuple[str, str]]:
    """Return the kind and the part of the message of each `with expect_error(kind, part)`."""
    calls = (
        item.context_expr
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.With)
        for item in node.items
        if isinstance(item.context_expr, ast.Call)
    )
    return [
        tuple(ast.unparse(argument) for argument in call.args)
        for call in calls
        if ast.unparse(call.func) == "expect_error"
    ]


def test_cells_that_must_fail_are_tagged_and_name_their_message():
    for cell in CODE:
        tagged = "fails-on-purpose" in cell.metadata.get("tags", [])
        errors = expected_errors(cell)
        assert tagged == bool(errors), cell.source
        for kind, part, *_ in errors:
            assert kind.endswith("Error") and len(part) > 8, "any error would do"
    assert sum(len(expected_errors(cell)) for cell in CODE) >= 12


def test_expecting_an_error_fails_without_it_and_with_another_one():
    definition = next(cell.source for cell in CODE if "def expect_error" in cell.source)
    names = {}
    exec(definition, names)
    expect_error = names["expect_error"]
    with expect_error(ValueError, "too long"):
        raise ValueError("the text is too long")
    with pytest.raises(AssertionError, match="nothing was raised"), expect_error(ValueError, "a"):
        pass
    with pytest.raises(AssertionError, match="another"), expect_error(ValueError, "too long"):
        raise ValueError("the text is empty")
    with pytest.raises(KeyError), expect_error(ValueError, "too long"):
        raise KeyError("too long")


def test_closing_table_has_a_row_for_each_note():
    """The table is made by the cells: each `note(...)` that stands in one is a row of it."""
    source = "\n".join(cell.source for cell in CODE)
    table = [cell for cell in CODE if "overview.iloc" in cell.source]
    shown = "".join(str(output) for cell in table for output in cell.outputs)
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    mistakes = [call.args[0] for call in calls if ast.unparse(call.func) == "note"]
    for mistake in mistakes:
        if isinstance(mistake, ast.Constant):  # three share a loop and have their names from it
            assert mistake.value.replace("&", "&amp;") in shown
    assert len(mistakes) >= 26
