"""`evals run`: hand over to Hydra, which composes the config and calls back."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.cli.guard import MISUSE, guard
from evals.cli.output import print_results, print_table, to_line
from evals.cli.parsing import make_parser, offer
from evals.cli.references import find_references
from evals.cli.tracking import log_scored
from evals.cli.words import offer_settings

if TYPE_CHECKING:
    from evals.config import Settings
    from evals.summary import RunSummary


def run(arguments: Sequence[str]) -> None:
    """`evals run`: a Hydra application, but for its help."""
    if {"-h", "--help"} & {*arguments}:
        run_parser().print_help()
        return
    import hydra
    from omegaconf import DictConfig

    from evals.compose import register_schema, resolve_config
    from evals.resources import configs_dir
    from evals.secrets import shield_overrides

    register_schema()

    def evaluate(config: DictConfig) -> None:
        code = guard(lambda: _evaluate(resolve_config(config)), ["run", *arguments])
        if code:
            sys.exit(code)

    sys.argv = ["evals run", *shield_overrides(arguments)]
    application = hydra.main(version_base="1.3", config_path=str(configs_dir()), config_name="run")
    try:
        application(evaluate)()
    except SystemExit as stop:
        # Hydra ends with 1 where a config does not compose: that is the user's to mend.
        sys.exit(MISUSE if stop.code == 1 else stop.code)


def run_parser() -> argparse.ArgumentParser:
    """Return what `evals run` takes, for its help and for tab: Hydra itself reads the words."""
    parser = make_parser(
        "run",
        "Evaluate: plan the demonstrations, answer, score; one run for each of the tasks, shots "
        "and seeds. The same command again goes on where it was stopped.",
        examples=(
            "task=okvqa 'shots=[0,4]' limit=50",
            "task=okvqa model=idefics model.checkpoint=HuggingFaceM4/idefics-9b",
            "task=coco data_dir=/data/coco protocol=flamingo 'seed=[0,1,2]'",
            "suite=paper model=idefics model.checkpoint=/models/idefics-9b",
        ),
        notes="Names: evals list. Every setting with its value: --cfg job. This is a Hydra "
        "application (hydra.cc): its other options are in --hydra-help.",
    )
    settings = parser.add_argument(
        "settings",
        nargs="*",
        metavar="KEY=VALUE",
        help="task=NAME or suite=NAME; then model=, protocol=, shots=, seed=, limit=, split=, "
        "data_dir=, source=hub, demonstrations.sampler=, reference=, run_dir=, ...",
    )
    offer(settings, offer_settings)
    parser.add_argument(
        "--cfg", choices=("job", "hydra", "all"), help="print the config, and run nothing"
    )
    parser.add_argument("-m", "--multirun", action="store_true", help="sweep: shots=0,4 seed=0,1")
    parser.add_argument("--config-dir", metavar="DIR", help="a folder with more configs")
    parser.add_argument("--hydra-help", action="store_true", help="what else Hydra can do")
    return parser


def _evaluate(values: Mapping[str, Any]) -> None:
    from evals.config import parse_config
    from evals.execution import spread_model
    from evals.pages import check_place
    from evals.progress import RichProgress
    from evals.runner import Session, run_all
    from evals.trackers import open_tracker

    settings = parse_config(values)
    if settings.report:
        check_place(settings.report)
    tracker = open_tracker(values["tracker"])
    with spread_model(values["execution"], settings.model) as model:
        session = Session(replace(settings, model=model), RichProgress())
        results = list(run_all(session))
    print_table(results, settings.references, "rich")
    for run_dir, summary in results:
        print(f"run folder: {run_dir}")
        for note in summary.answered.get("notes", []):
            print(f"  note: {note}")
    if settings.report:
        print(f"report: {_write_report(settings, results)}")
    lines = [to_line(run_dir, summary.scores, summary.num_queries) for run_dir, summary in results]
    print_results(lines)
    if tracker:
        log_scored(tracker, results, report_dir=settings.report)


def _write_report(settings: "Settings", results: "Sequence[tuple[Path, RunSummary]]") -> Path:
    from evals.pages import write_report
    from evals.progress import RichProgress

    assert settings.report is not None
    return write_report(
        [run_dir for run_dir, _ in results],
        settings.report,
        references=find_references(settings.references),
        progress=RichProgress(),
    )
