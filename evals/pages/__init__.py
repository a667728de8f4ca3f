"""Static pages of runs: tables, curves and every single query, opened from disk.

    write_report(run_dirs, Path("report"), references=..., progress=...)

`index.html` is the entry; `queries.html` shows the prompts as the model saw them. No server, no
network: data are script files that the pages load in pieces.
"""

from evals.pages.report import check_place, write_report

__all__ = ["check_place", "write_report"]
