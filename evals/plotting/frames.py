"""A results table as pandas frames: as it is printed, and one row a number."""

import io
from typing import TYPE_CHECKING

from evals.report.formats import CSV_COLUMNS, format_csv
from evals.report.layout import Row
from evals.report.table import Table
from evals.types import Unit

if TYPE_CHECKING:
    import pandas as pd

_WORDS = ("series", "against", "benchmark", "metric", "not_comparable", "unit")
_FLAGS = ("higher_is_better",)
_COUNTS = ("shots", "num_queries", "num_seeds")


def to_frame(table: Table) -> "pd.DataFrame":
    """Return a table's numbers: rows are (series, shots), columns benchmarks.

    Values stand as papers print them, NaN where there is none; a fine-tuned model's shots are
    missing. Differences are left out, `frame["..."] - frame["..."]` makes them; `to_tidy` has
    them with their errors. `frame.attrs` names the columns of which less is better, and those that
    are not printed times 100, says what is not comparable, and the sources.
    """
    import pandas as pd

    rows = [
        (block.series, row) for block in table.blocks if not block.against for row in block.rows
    ]
    index = pd.MultiIndex.from_arrays(
        [
            pd.array([series for series, _ in rows], dtype=pd.StringDtype("python")),
            pd.array([row.shots for _, row in rows], dtype="Int64"),
        ],
        names=["series", "shots"],
    )
    columns = pd.Index([column.title for column in table.columns], name="benchmark")
    frame = pd.DataFrame(
        [_list_values(row) for _, row in rows], index=index, columns=columns, dtype="float64"
    )
    frame.attrs = {
        "title": table.title,
        "lower_is_better": [c.title for c in table.columns if not c.scale.higher_is_better],
        "plain": [c.title for c in table.columns if c.scale.unit is Unit.PLAIN],
        "not_comparable": _list_reasons(table),
        "sources": list(table.sources),
    }
    return frame


def to_tidy(table: Table) -> "pd.DataFrame":
    """Return one row a number, differences too, with the columns of `evals table --format csv`."""
    import pandas as pd

    kinds = {
        name: pd.StringDtype("python")
        if name in _WORDS
        else pd.Int64Dtype()
        if name in _COUNTS
        else "bool"
        if name in _FLAGS
        else "float64"
        for name in CSV_COLUMNS
    }
    return pd.read_csv(
        io.StringIO(format_csv(table)),
        dtype=kinds,
        keep_default_na=False,
        na_values={name: [""] for name in CSV_COLUMNS if name not in _WORDS},
    )


def _list_values(row: Row) -> list[float | None]:
    return [None if cell is None else cell.value for cell in row.cells]


def _list_reasons(table: Table) -> list[str]:
    cells = [cell for block in table.blocks for row in block.rows for cell in row.cells if cell]
    return list(dict.fromkeys(reason for cell in cells for reason in cell.not_comparable))
