"""What a task imports: cheap, complete, and named as scores are printed."""

import subprocess
import sys

from evals import metrics
from evals.types import Metric

HEAVY = ("datasets", "evaluate", "nltk", "numpy", "pycocoevalcap", "scipy", "sklearn", "torch")


def test_every_metric_is_exported_under_its_name() -> None:
    exported = {name: getattr(metrics, name) for name in metrics.__all__}
    assert all(isinstance(metric, Metric) for metric in exported.values())
    assert {name.lower() for name in exported} == {metric.name for metric in exported.values()}


def test_importing_the_metrics_loads_no_heavy_library() -> None:
    code = f"import sys, evals.metrics; print({set(HEAVY)!r} & set(sys.modules))"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "set()"
