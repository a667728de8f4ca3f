"""Words that tab completes: settings as `evals run` takes them, folders, published series.

Read from the text of configs/*.yaml, so that nothing is composed or imported: a shell waits.
"""

import argparse
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evals.resources import configs_dir

PATHS = {
    "data_dir",
    "image_dir",
    "questions",
    "annotations",
    "run_dir",
    "demonstrations.plan",
    "model.checkpoint",
    "model.cache_dir",
    "predictions",
}
VALUES: Mapping[str, Sequence[str]] = {
    "source": ("files", "hub"),
    "demonstrations.sampler": ("random", "fixed", "balanced", "rices"),
    "model.dtype": ("auto", "float32", "bfloat16", "float16"),
    "model.device": ("auto", "cpu", "cuda"),
    "model.parallel": ("layers", "tensor"),
    "model.quantise": ("int8", "int4"),
    "on_error": ("stop", "record"),
}
_KEY = re.compile(r"^(?P<indent> *)(?P<key>\w+): *(?P<value>[^#\n]*)(?:# *(?P<comment>.*))?$", re.M)
_NOT_SETTINGS = {"defaults", "hydra"}
_HYDRAS_OWN = "hydra"
_SPLIT_SIZES = re.compile(r"^split_sizes:(.*?)(?=^\w|\Z)", re.M | re.S)
_SPLIT = re.compile(r"([\w-]+): *\d")
_GIVEN_GROUP = re.compile(r"(task|model)=\[?([\w,]+)")


def offer_settings(prefix: str, parsed_args: argparse.Namespace, **_: object) -> dict[str, str]:
    """Return the KEY= words, or KEY=VALUE ones where the key is there, and what each is."""
    given = [word for value in vars(parsed_args).values() for word in _flatten(value)]
    folders = [configs_dir()]
    if config_dir := getattr(parsed_args, "config_dir", None):
        folders.append(Path(config_dir))
    key, equals, value = prefix.partition("=")
    if not equals:
        return dict(_list_keys(folders, given))
    # The last of a list is completed: task=[okvqa,co
    start = max(value.rfind("["), value.rfind(",")) + 1
    head = f"{key}={value[:start]}"
    return {
        head + word: what for word, what in _list_values(key, value[start:], folders, given).items()
    }


def offer_folders(prefix: str, **_: object) -> list[str]:
    """Return the folders that a path may go on with."""
    return [path for path in _list_paths(prefix) if path.endswith("/")]


def offer_folders_and_settings(
    prefix: str, parsed_args: argparse.Namespace, **_: object
) -> dict[str, str]:
    settings = {"predictions=": "a results file"} | offer_settings(prefix, parsed_args)
    return dict.fromkeys(offer_folders(prefix), "") | settings


def offer_series(prefix: str, **_: object) -> list[str]:
    """Return the published series, behind those that stand before the last comma."""
    from evals.report.references import list_series, load_references

    head = prefix[: prefix.rfind(",") + 1]
    return [head + series.name for series in list_series(load_references())]


def _flatten(value: object) -> Iterator[str]:
    for word in value if isinstance(value, list) else [value]:
        if isinstance(word, str):
            yield word


def _list_keys(folders: Sequence[Path], given: Sequence[str]) -> Iterator[tuple[str, str]]:
    for group in _list_groups(folders):
        yield f"{group}=", ", ".join(_list_group(group, folders))
    yield from _list_nested((folders[0] / "run.yaml").read_text("utf-8"), prefix="")
    chosen = _find_given("model", given)
    for name, path in _list_group("model", folders).items():
        if not chosen or name in chosen:
            yield from _list_nested(path.read_text("utf-8"), prefix="model.")


def _list_nested(text: str, *, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the keys of a YAML file with their comments, two levels deep."""
    parent = ""
    for match in _KEY.finditer(text):
        key, indent = match["key"], len(match["indent"])
        parent = parent if indent else ("" if match["value"].strip() else f"{key}.")
        top = parent.rstrip(".") if indent else key
        if top in _NOT_SETTINGS or key.startswith("_") or (not indent and parent):
            continue
        yield f"{prefix}{parent if indent else ''}{key}=", (match["comment"] or "").strip()


def _list_values(
    key: str, prefix: str, folders: Sequence[Path], given: Sequence[str]
) -> dict[str, str]:
    if key in _list_groups(folders):
        return dict.fromkeys(_list_group(key, folders), "")
    if key in PATHS:
        return dict.fromkeys(_list_paths(prefix), "")
    if key in ("split", "support_split"):
        return dict.fromkeys(_list_splits(folders, given), "")
    if key == "reference":
        return dict.fromkeys(offer_series(prefix), "")
    return dict.fromkeys(VALUES.get(key, ()), "")


def _list_groups(folders: Sequence[Path]) -> list[str]:
    found = {path.name for folder in folders for path in folder.glob("*/")}
    return sorted(found - {_HYDRAS_OWN})


def _list_group(group: str, folders: Sequence[Path]) -> dict[str, Path]:
    """Return the files of a group by name; those of a later folder win."""
    return {path.stem: path for f in folders for path in sorted((f / group).glob("*.yaml"))}


def _list_splits(folders: Sequence[Path], given: Sequence[str]) -> Iterator[str]:
    tasks = _list_group("task", folders)
    for name in _find_given("task", given) or tasks:
        if name in tasks and (sizes := _SPLIT_SIZES.search(tasks[name].read_text("utf-8"))):
            yield from _SPLIT.findall(sizes[1])


def _find_given(group: str, given: Sequence[str]) -> list[str]:
    matches = [_GIVEN_GROUP.match(word) for word in given]
    return [name for m in matches if m and m[1] == group for name in m[2].split(",") if name]


def _list_paths(prefix: str) -> Iterator[str]:
    """Yield the files and folders that a path may go on with, folders with a slash."""
    head = prefix[: prefix.rfind("/") + 1]
    try:
        with os.scandir(Path(head or ".").expanduser()) as entries:
            found = sorted((entry.name, entry.is_dir()) for entry in entries)
    except OSError:
        return
    begun = prefix[len(head) :]
    for name, is_folder in found:
        if name.startswith(begun or ".") is bool(begun):  # hidden ones only where a dot is typed
            yield f"{head}{name}/" if is_folder else f"{head}{name}"
