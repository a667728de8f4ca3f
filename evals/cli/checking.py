"""`evals check`: canaries before a long run."""

import argparse
import sys
from collections.abc import Sequence

from evals.cli.parsing import make_parser, offer
from evals.cli.words import offer_settings


def check(arguments: Sequence[str]) -> None:
    """`evals check`: try a model on a few prompts; exits with 1 where it fails."""
    options = check_parser().parse_args(arguments)
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from evals.canaries import Outcome, run_canaries
    from evals.canaries.oracle import load_oracle
    from evals.compose import build_model_spec, compose_config
    from evals.models.out_of_memory import explain_each, explain_out_of_memory
    from evals.progress import RichProgress

    spec = build_model_spec(
        compose_config(options.settings, config_dir=options.config_dir)["model"]
    )
    progress = RichProgress()
    info = spec.describe()
    with (
        progress.wait(f"model {info.name}"),
        explain_out_of_memory(spec, "while the model was loaded"),
    ):
        model = spec.load()
    table = Table(
        title=f"{info.name}: {info.checkpoint}", box=box.SIMPLE_HEAD, title_justify="left"
    )
    for head in ("what", "outcome", "detail"):
        table.add_column(head)
    colours = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "yellow"}
    failed = 0
    canaries = explain_each(
        run_canaries(
            model,
            oracle=lambda: load_oracle(spec, info),
            hidden=getattr(model, "states_before_pictures", None),
        ),
        spec,
        "while the model was tried",
    )
    for canary in progress.track(canaries, "checks"):
        failed += canary.outcome is Outcome.FAILED
        outcome = f"[{colours[canary.outcome]}]{canary.outcome}[/]"
        table.add_row(canary.name, outcome, canary.detail)
    Console().print(table)
    print(f"{failed} failed" if failed else "nothing failed")
    sys.stdout.flush()
    sys.exit(1 if failed else 0)


def check_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "check",
        "Try a model before a long run: batches answer as single prompts do, pictures matter and "
        "text before them does not see them, classes score together as alone, and transformers "
        "agrees.",
        examples=(
            "model=tiny",
            "model=idefics model.checkpoint=HuggingFaceM4/idefics-9b",
            "model=idefics model.checkpoint=/models/mine model.dtype=bfloat16",
        ),
        notes="exit codes: 0 all passed (or skipped), 1 something failed, 2 misuse",
    )
    settings = parser.add_argument(
        "settings", nargs="*", metavar="KEY=VALUE", help="model=... model.x=..., as of evals run"
    )
    offer(settings, offer_settings)
    parser.add_argument(
        "--config-dir", metavar="DIR", help="a folder with more configs (model/NAME.yaml)"
    )
    return parser
