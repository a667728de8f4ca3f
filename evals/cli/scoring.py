"""`evals score` and `evals export`: runs from their records, results files made anywhere."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from evals.cli.output import print_results, to_line
from evals.cli.parsing import make_parser, offer
from evals.cli.words import offer_folders, offer_folders_and_settings
from evals.errors import ConfigError


def score(arguments: Sequence[str]) -> None:
    """`evals score`: runs from their records, or a results file made anywhere."""
    options = score_parser().parse_args(arguments)
    overrides = [word for word in options.what if "=" in word and not Path(word).is_dir()]
    if not overrides:
        _score_runs([Path(word) for word in options.what])
    elif len(overrides) == len(options.what):
        _score_results_file(overrides, options.config_dir)
    else:
        raise ConfigError("evals score takes run folders or KEY=VALUE settings, not both")


def export(arguments: Sequence[str]) -> None:
    """`evals export`: a run's official submission file."""
    options = export_parser().parse_args(arguments)
    from evals.progress import RichProgress
    from evals.runner import export_run

    print(export_run(options.run_dir, options.out or options.run_dir, RichProgress()))


def score_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "score",
        "Score runs again from their records (no model), or a results file in the official format.",
        examples=(
            "results/runs/*",
            "task=okvqa split=val predictions=results.json",
            "task=vqav2 data_dir=/data/vqav2 predictions=some.json partial=true",
        ),
        notes="partial=true: the file need not answer every query.",
    )
    what = parser.add_argument(
        "what",
        nargs="+",
        metavar="RUN_DIR|KEY=VALUE",
        help="run folders; or predictions=FILE and what says whose: task=, split=, data_dir=",
    )
    offer(what, offer_folders_and_settings)
    parser.add_argument(
        "--config-dir", metavar="DIR", help="a folder with more configs (task/NAME.yaml)"
    )
    return parser


def export_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "export",
        "Write a run's answers in its benchmark's official submission format.",
        examples=(
            "results/runs/vqav2-test",
            "results/runs/vqav2-test --out submissions",
        ),
    )
    run_dir = parser.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    offer(run_dir, offer_folders)
    parser.add_argument("--out", type=Path, help="folder for the file (default: the run folder)")
    return parser


def _score_runs(run_dirs: Sequence[Path]) -> None:
    from rich.console import Console

    from evals.progress import RichProgress
    from evals.report.table import format_scores
    from evals.runner import score_run

    lines = []
    for run_dir in run_dirs:
        summary = score_run(run_dir, RichProgress())
        Console().print(format_scores(summary))
        lines.append(to_line(run_dir, summary.scores, summary.num_queries))
    print_results(lines)


def _score_results_file(overrides: Sequence[str], config_dir: str | None) -> None:
    from rich.console import Console

    from evals.compose import compose_config
    from evals.config import parse_tasks
    from evals.report.table import format_scores
    from evals.runner import score_results_file

    own = dict(
        word.split("=", 1) for word in overrides if word.startswith(("predictions=", "partial="))
    )
    if "predictions" not in own:
        raise ConfigError("give predictions=FILE, or run folders")
    if own.get("partial", "false").lower() not in ("true", "false"):
        raise ConfigError(f"partial={own['partial']}: true or false")
    rest = [word for word in overrides if word.partition("=")[0] not in ("predictions", "partial")]
    tasks = parse_tasks(compose_config(rest, config_dir=config_dir), model=None)
    if len(tasks) > 1:
        raise ConfigError("a results file belongs to one task; give task=NAME")
    partial = own.get("partial", "false").lower() == "true"
    made = score_results_file(tasks[0], Path(own["predictions"]), partial=partial)
    Console().print(format_scores(made))
    print_results([to_line(None, made.scores, made.num_queries)])
