"""Our scorers beside the official ones, with a clock: VQA accuracy and the caption scores.

    python -m evals.bench.scorers                               # 214,354 answers, 5,000 captions
    python -m evals.bench.scorers --official ~/VQA              # a clone of GT-Vision-Lab/VQA
    python -m evals.bench.scorers --captions captions_val2014.json --results results.json

Both sides score the same files in processes of their own, in turns, and must say the same. Prints a
table, and last one JSON line. Ends with 1 where ours is slower or another score comes out.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from evals.bench import answers, official_vqa, scorer_sides
from evals.bench.answers import VqaFiles
from evals.bench.scorer_sides import Scored, run_apart
from evals.bench.scorer_table import Row, print_table, to_json
from evals.errors import ConfigError, EvalError

NUM_QUESTIONS = 214_354
"""Of VQAv2 val."""
NUM_IMAGES = 5_000
"""Of Karpathy's test split."""
OFFICIAL_RATE = 8_000
"""Questions a second that the official VQA evaluator is taken to score where it is not at hand."""

Side = Callable[[], tuple[Scored, ...]]
"""Scores once; returns what it took for each row."""


def bench_scorers(arguments: Sequence[str]) -> bool:
    """Measure, and print what was found; return whether ours is as fast and says the same.

    Raises:
        ConfigError: an option does not fit.
        EvalError: a side fails.
    """
    options = _parse(arguments)
    rows, theirs = [], []
    with tempfile.TemporaryDirectory(prefix="evals-scorers-") as folder:
        if options.only in (None, "vqa"):
            rows += _compare_vqa(options, Path(folder))
            official = options.official or f"not run, taken as {OFFICIAL_RATE:,} a second"
            theirs.append(f"GT-Vision-Lab/VQA ({official})")
        if options.only != "vqa":
            rows += _compare_captions(options, Path(folder))
            theirs.append("pycocoevalcap")
    print_table(rows, rounds=options.rounds, theirs=", ".join(theirs))
    complaints = [line for row in rows for line in row.list_complaints()]
    for line in complaints:
        _report(line)
    sys.stdout.write(json.dumps({"rows": [to_json(row) for row in rows]}) + "\n")
    return not complaints


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m evals.bench.scorers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--official", type=Path, metavar="CLONE", help="of GT-Vision-Lab/VQA")
    parser.add_argument("--questions", type=int, default=NUM_QUESTIONS, help="made up for VQA")
    parser.add_argument("--images", type=int, default=NUM_IMAGES, help="made up for captions")
    parser.add_argument("--captions", type=Path, help="a COCO caption file, in place of made ones")
    parser.add_argument(
        "--results",
        type=Path,
        help="its results file; without it each image is answered with the next one's caption",
    )
    parser.add_argument(
        "--only", choices=("vqa", "captions", "cider"), help="cider: captions, but not all seven"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of which medians are taken")
    options = parser.parse_args(arguments)
    for name in ("questions", "images", "rounds"):
        if (value := getattr(options, name)) < 1:
            raise ConfigError(f"--{name} {value}: choose 1 or more")
    for name in ("captions", "results"):
        path = getattr(options, name)
        if path is not None and not path.is_file():
            raise ConfigError(f"--{name} {path}: no such file")
    if options.results is not None and options.captions is None:
        raise ConfigError("--results answers --captions; give both")
    if options.official is not None:
        official_vqa.check_clone(options.official)
    return options


def _compare_vqa(options: argparse.Namespace, folder: Path) -> list[Row]:
    _report(f"making {options.questions:,} questions")
    files: VqaFiles = run_apart(answers.write_vqa, folder / "vqav2", options.questions)
    assumed = Scored(options.questions / OFFICIAL_RATE, {})

    def ours() -> tuple[Scored, ...]:
        return run_apart(scorer_sides.score_vqa, files), scorer_sides.run_score_command(files)

    def theirs() -> tuple[Scored, ...]:
        if options.official is None:
            return assumed, assumed
        return scorer_sides.run_official(options.official, files)

    whats = ("VQA, scoring", "VQA, whole command")
    return take_turns("VQA", whats, options.questions, options.rounds, sides=(ours, theirs))


def _compare_captions(options: argparse.Namespace, folder: Path) -> list[Row]:
    captions: Path = options.captions or folder / "captions.json"
    results: Path = options.results or folder / "results.json"
    if options.captions is None:
        _report(f"making captions of {options.images:,} images")
        answers.write_captions(captions, results, options.images)
    elif options.results is None:
        answers.write_shifted_captions(captions, results)

    def ours() -> tuple[Scored, ...]:
        return run_apart(scorer_sides.score_captions, captions, results, with_seven)

    def theirs() -> tuple[Scored, ...]:
        work = scorer_sides.score_captions_by_pycocoevalcap
        return run_apart(work, captions, results, with_seven)

    with_seven = options.only != "cider"
    num_answers = len(json.loads(results.read_bytes()))
    whats = ("captions, CIDEr", "captions, all seven")[: 1 + with_seven]
    return take_turns("captions", whats, num_answers, options.rounds, sides=(ours, theirs))


def take_turns(
    name: str,
    whats: Sequence[str],
    num_answers: int,
    rounds: int,
    *,
    sides: tuple[Side, Side],
) -> list[Row]:
    """Run both sides in each round: ours first, theirs first, and so on."""
    made: tuple[list[tuple[Scored, ...]], ...] = ([], [])
    for number in range(rounds):
        for index in (0, 1) if number % 2 == 0 else (1, 0):
            scored = sides[index]()
            made[index].append(scored)
            took = ", ".join(f"{each.seconds:.1f} s" for each in scored)
            side = ("ours", "theirs")[index]
            _report(f"{name}, round {number + 1} of {rounds}, {side}: {took}")
    ours, theirs = (zip(*side, strict=True) for side in made)
    return [
        Row(what, num_answers, mine, other)
        for what, mine, other in zip(whats, ours, theirs, strict=True)
    ]


def _report(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        sys.exit(0 if bench_scorers(sys.argv[1:]) else 1)
    except EvalError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
