"""The table that figures and frames are made of, read from run folders."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from evals.errors import ConfigError
from evals.query_scores import QUERIES, read_query_scores
from evals.report.names import title_benchmark
from evals.report.references import load_references, select_references
from evals.report.table import Table, build_table
from evals.results import Where, find_runs
from evals.summary import RunSummary, read_summary


def read_table(
    where: Where, references: Iterable[str] = (), benchmarks: Iterable[str] = ()
) -> Table:
    """Read runs and lay them out beside published series, as `evals table` does.

    Args:
        where: `"results/runs/*"`, a folder, or several of them (evals.results).
        references: published series; `evals list references` names them.
        benchmarks: only these, by the task's name or the benchmark's; all without.

    Raises:
        ConfigError: a reference or a benchmark is unknown.
        ResultsError: there is no run, one is not finished, or two cannot be told apart.
    """
    runs = read_runs(where, benchmarks)
    folders = {(run.hash, run.seed): folder for folder, run in runs}
    is_complete = all((folder / QUERIES).is_file() for folder, _ in runs)
    return build_table(
        [run for _, run in runs],
        select_references(load_references(), references),
        read_queries=(lambda run: read_query_scores(folders[run.hash, run.seed]))
        if is_complete
        else None,
    )


def read_runs(where: Where, benchmarks: Iterable[str] = ()) -> list[tuple[Path, RunSummary]]:
    """Read the summaries of runs, of some benchmarks only where they are named.

    Raises:
        ConfigError: no run is of a named benchmark.
        ResultsError: there is no run, or one is not finished.
    """
    runs = [(folder, read_summary(folder)) for folder in find_runs(where)]
    wanted = {name.casefold(): name for name in benchmarks}
    if not wanted:
        return runs
    unknown = wanted.keys() - {name for _, run in runs for name in _list_names(run)}
    if unknown:
        there = ", ".join(dict.fromkeys(run.task for _, run in runs))
        asked = ", ".join(name for key, name in wanted.items() if key in unknown)
        raise ConfigError(f"no run is of benchmark {asked}; these runs are of {there}")
    return [(folder, run) for folder, run in runs if wanted.keys() & set(_list_names(run))]


def _list_names(run: RunSummary) -> Sequence[str]:
    names = (run.task, run.benchmark, title_benchmark(run.benchmark))
    return [name.casefold() for name in names]
