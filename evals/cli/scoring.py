"""`evals score` and `evals export`: runs from their records, results files made anywhere."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from evals.cli.output import print_results, to_line
from evals.cli.parsing import make_parser, offer, split_words
from evals.cli.words import offer_folders, offer_folders_and_settings
from evals.errors import ConfigError


def score(arguments: Sequence[str]) -> None:
    """`evals score`: runs from their records, or a results file made anywhere."""
    options = score_parser().parse_args(arguments)
    run_dirs, paths = split_words(options.what)
    if not run_dirs:
        _score_results_file(options.what, options.config_dir)
    elif "predictions" in paths:
        raise ConfigError("evals score takes run folders or predictions=FILE, not both")
    else:
        _score_runs(run_dirs, paths)


def export(arguments: Sequence[str]) -> None:
    """`evals export`: a run's official submission file."""
    options = export_parser().parse_args(arguments)
    from evals.progress import RichProgress
    from evals.runner import export_run

    run_dirs, paths = split_words(options.what)
    if len(run_dirs) != 1:
        raise ConfigError("evals export takes one run folder")
    print(export_run(run_dirs[0], options.out or run_dirs[0], RichProgress(), paths))


def score_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "score",
        "Score runs again from their records (no model), or a results file in the official format.",
        examples=(
            "results/runs/*",
            "results/runs/okvqa-good data_dir=/new/place/okvqa",
            "task=okvqa split=val predictions=results.json",
            "task=vqav2 data_dir=/data/vqav2 predictions=some.json partial=true",
        ),
        notes="partial=true: the file need not answer every query. Where a run's data were moved: "
        "data_dir=, image_dir=, questions=, annotations=, or EVALS_DATA_DIR.",
    )
    what = parser.add_argument(
        "what",
        nargs="+",
        metavar="RUN_DIR|KEY=VALUE",
        help="run folders, and data_dir= where their data were moved; or predictions=FILE and what "
        "says whose: task=, split=, data_dir=",
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
    what = parser.add_argument(
        "what",
        nargs="+",
        metavar="RUN_DIR|KEY=VALUE",
        help="the run folder, and data_dir= where its data were moved",
    )
    offer(what, offer_folders)
    parser.add_argument("--out", type=Path, help="folder for the file (default: the run folder)")
    return parser


def _score_runs(run_dirs: Sequence[Path], paths: Mapping[str, str]) -> None:
    from rich.console import Console

    from evals.progress import RichProgress
    from evals.report.table import format_scores
    from evals.runner import score_run

    lines = []
    for run_dir in run_dirs:
        summary = score_run(run_dir, RichProgress(), paths)
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
