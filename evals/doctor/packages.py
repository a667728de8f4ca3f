"""Python and the packages, against the ranges that the project asks for."""

import platform
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from evals.doctor.findings import Finding, Verdict
from evals.resources import PACKAGE_DIR

PROJECT = "idefics-evals"
SHOWN = ("torch", "transformers", "tokenizers", "datasets", "pycocoevalcap")
"""Packages whose versions are told also where nothing is wrong with them."""
TRACKERS = ("mlflow-skinny", "wandb", "tensorboard")

FindVersion = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Ranges:
    python: str
    packages: tuple[str, ...]
    """Requirements as pip reads them."""


def check_packages() -> Iterator[Finding]:
    ranges = read_ranges()
    yield Finding("evals", f"{find_version(PROJECT) or 'not installed'} in {PACKAGE_DIR}")
    yield judge_python(ranges.python, platform.python_version())
    yield from judge_packages(ranges.packages, find_version)
    trackers = [f"{name} {version}" for name in TRACKERS if (version := find_version(name))]
    yield Finding("trackers", ", ".join(trackers) or "none installed; all are optional")


def read_ranges() -> Ranges:
    """Read what the project asks for: of a checkout its pyproject.toml, else what pip wrote down.

    After a `git pull` only the first knows of a new package.
    """
    checkout = PACKAGE_DIR.parent / "pyproject.toml"
    if checkout.is_file():
        project = tomllib.loads(checkout.read_text("utf-8")).get("project", {})
        if project.get("name") == PROJECT:
            return Ranges(project["requires-python"], tuple(project["dependencies"]))
    written = metadata.metadata(PROJECT)
    asked = [name for name in metadata.requires(PROJECT) or [] if "extra ==" not in name]
    return Ranges(written["Requires-Python"] or "", tuple(asked))


def judge_python(specifier: str, version: str) -> Finding:
    found = f"{version}, {platform.platform()}"
    if SpecifierSet(specifier).contains(version, prereleases=True):
        return Finding("Python", found)
    return Finding("Python", found, Verdict.MISSING, f"make the environment with one {specifier}")


def judge_packages(asked: Iterable[str], find: FindVersion) -> Iterator[Finding]:
    """Yield a finding for all that is as asked, and one for each package that is not."""
    requirements = [Requirement(text) for text in asked]
    wanted = [one for one in requirements if one.marker is None or one.marker.evaluate()]
    bad = [finding for one in wanted if (finding := _judge(one, find(one.name)))]
    known = [f"{name} {version}" for name in SHOWN if (version := find(name))]
    found = f"{len(wanted) - len(bad)} of {len(wanted)} as asked: {', '.join(known)}, ..."
    yield Finding("packages", found)
    yield from bad


def find_version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _judge(asked: Requirement, version: str | None) -> Finding | None:
    way_out = f"pip install '{asked.name}{asked.specifier}'"
    if version is None:
        return Finding(asked.name, "not installed", Verdict.MISSING, way_out)
    if asked.specifier.contains(version, prereleases=True):
        return None
    found = f"{version}, and {asked.specifier} is asked for"
    return Finding(asked.name, found, Verdict.MISSING, way_out)
