"""The official VQA evaluator, run from a clone of GT-Vision-Lab/VQA as its vqaEvalDemo.py runs it.

    python -m evals.bench.official_vqa CLONE QUESTIONS ANNOTATIONS RESULTS

Prints one JSON line. Nothing of that repository is in this one. Its files are Python 2 (`print`
without brackets, spaces among tabs), so their text is brought into Python 3's form as it is
imported; what they compute stays theirs.
"""

import json
import os
import re
import sys
import time
from contextlib import redirect_stdout
from importlib.abc import InspectLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

from evals.bench.memory import read_peak_bytes
from evals.errors import ConfigError

READER = "PythonHelperTools/vqaTools/vqa.py"
EVALUATOR = "PythonEvaluationTools/vqaEvaluation/vqaEval.py"
DIGITS = 4
"""To which the evaluator rounds its percentages."""

_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_PRINT = re.compile(r"^( *)print +(?!\()(.+)$", re.MULTILINE)


def check_clone(folder: Path) -> None:
    """Refuse a folder that lacks the two files.

    Raises:
        ConfigError: it does.
    """
    missing = [name for name in (READER, EVALUATOR) if not (folder / name).is_file()]
    if missing:
        raise ConfigError(
            f"--official {folder}: {' and '.join(missing)} not there; give a clone of "
            "https://github.com/GT-Vision-Lab/VQA"
        )


def evaluate(clone: Path, questions: Path, annotations: Path, results: Path) -> dict[str, Any]:
    """Return the percentages, and the seconds that it took when all files were read."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        reader = _import(clone / READER).VQA(str(annotations), str(questions))
        answered = reader.loadRes(str(results), str(questions))
        evaluator = _import(clone / EVALUATOR).VQAEval(reader, answered, n=DIGITS)
        start = time.perf_counter()
        evaluator.evaluate()
        seconds = time.perf_counter() - start
    accuracy = evaluator.accuracy
    return {
        "seconds": seconds,
        "scores": {"official": accuracy["overall"]}
        | {f"answer_type={kind}": value for kind, value in accuracy["perAnswerType"].items()}
        | {f"question_type={kind}": value for kind, value in accuracy["perQuestionType"].items()},
        "peak_bytes": read_peak_bytes(),
    }


class _Python2File(InspectLoader):
    def __init__(self, path: Path) -> None:
        self._path = path

    def get_source(self, fullname: str) -> str:
        text = _INDENT.sub(lambda found: found[0].expandtabs(), self._path.read_text("utf-8"))
        return _PRINT.sub(r"\1print(\2)", text)


def _import(path: Path) -> Any:
    loader = _Python2File(path)
    spec = spec_from_loader(path.stem, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.stdout.write(json.dumps(evaluate(*map(Path, sys.argv[1:]))) + "\n")
