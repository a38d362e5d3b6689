"""The bookkeeping of notebook 11's data report; the checks themselves stand in the notebook."""

import pandas as pd

SHOWN = 4  # rows of a problem that are shown
WIDTH = 110  # characters of a text that are shown


class Report:
    """Collect the problems of a table of texts: how many rows, and the line that repairs them.

    Args:
        rows: number of rows of the table.
        columns: the columns to show, such as the text's, the label's and the group's.
    """

    def __init__(self, rows: int, columns: list[str]):
        self.rows, self.columns = rows, columns
        self.problems: dict[str, dict] = {}

    def add(
        self,
        problem: str,
        found: pd.DataFrame,
        repair: str,
        extra: pd.Series | None = None,
        among: int | None = None,
    ) -> pd.DataFrame | None:
        """Note a problem, say how often it occurs, and return its first rows, or None.

        Checking again replaces the earlier finding of the same name.

        Args:
            problem: its name, such as "empty text".
            found: the rows that have it.
            repair: the line of code that repairs it; named only where rows were found.
            extra: a column to show beside them, with at least their rows in its index.
            among: how many rows were looked at; by default all of the table.
        """
        repair = "" if found.empty else repair
        self.problems[problem] = {"rows": len(found), "repair": repair}
        print(f"{problem}: {len(found)} of {self.rows if among is None else among} rows.", end="")
        print(f" Repair: {repair}" if repair else "")
        if found.empty:
            return None
        shown = found[self.columns].head(SHOWN)
        if extra is not None:
            shown = pd.concat([shown, extra.loc[shown.index]], axis="columns")
        return shown.map(_short)

    def table(self) -> pd.DataFrame:
        """Return one row for each problem."""
        return pd.DataFrame.from_dict(self.problems, orient="index").rename_axis("problem")


def _short(value):
    """Cut a long text for showing; other values stay."""
    if isinstance(value, str) and len(value) > WIDTH:
        return value[: WIDTH - 1] + "\u2026"
    return value
