"""What a row of a paper's table is called: one model, evaluated in one way.

A paper prints a model several times: with random demonstrations and with retrieved ones, base and
instruct, few-shot and fine-tuned. The plain name (`Flamingo-9B`, `IDEFICS-9B`) is the base model
with random demonstrations.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """One model, evaluated in one way."""

    name: str
    family: str
    """The name without the size; asked for, it means every size."""
    protocol: str | None
    """The protocol that follows its paper; `None` where none does (fine-tuning, no statement)."""
    sampler: str | None
    """How its demonstrations were chosen; `None` where it has none or does not say."""
    num_seeds: int | None = None
    """Of how many its numbers are the mean; `None` where its paper does not say."""


@dataclass(frozen=True, slots=True)
class _Naming:
    pattern: str
    protocol: str | None = None
    sampler: str | None = None
    num_seeds: int | None = None


_BY_VARIANT: Mapping[tuple[str, str], _Naming] = {
    ("Flamingo", "few-shot in-context, random demonstrations"): _Naming(
        "Flamingo{size}", "flamingo", "random"
    ),
    ("Flamingo", "fine-tuned (480x480)"): _Naming("Flamingo{size}-fine-tuned"),
    ("Flamingo", "random, <=0.02 shots/class"): _Naming(
        "Flamingo{size}-random-0.02-per-class", "flamingo", "random"
    ),
    ("Flamingo", "RICES, 1 shot/class"): _Naming(
        "Flamingo{size}-RICES-1-per-class", "flamingo", "rices"
    ),
    ("Flamingo", "RICES, 5 shots/class"): _Naming(
        "Flamingo{size}-RICES-5-per-class", "flamingo", "rices"
    ),
    ("Flamingo", "RICES + prompt ensembling, 5 shots/class"): _Naming(
        "Flamingo{size}-RICES-ensemble-5-per-class", "flamingo", "rices"
    ),
    ("IDEFICS", "base"): _Naming("IDEFICS{size}", "idefics", "random"),
    ("IDEFICS", "instruct"): _Naming("IDEFICS{size}-instruct", "idefics_instruct", "random"),
    ("IDEFICS", "base (as printed in the OBELICS paper)"): _Naming(
        "IDEFICS{size}-OBELICS", "idefics", "random"
    ),
    ("IDEFICS", "base; Random, support set 1K"): _Naming(
        "IDEFICS{size}-random-1K", "idefics", "random"
    ),
    ("IDEFICS", "base; RICES, support set 5K"): _Naming(
        "IDEFICS{size}-RICES-5K", "idefics", "rices"
    ),
    ("OpenFlamingo v2", "base; random demonstrations"): _Naming(
        "OpenFlamingo{size}", "openflamingo", "random", 3
    ),
    ("OpenFlamingo v2", "instruct (language-only); random demonstrations"): _Naming(
        "OpenFlamingo{size}-instruct", "openflamingo", "random", 3
    ),
    ("OpenFlamingo v2", "base; RICES demonstrations (CLIP ViT-L/14)"): _Naming(
        "OpenFlamingo{size}-RICES", "openflamingo", "rices"
    ),
    ("OpenFlamingo v2", "instruct (language-only); RICES demonstrations (CLIP ViT-L/14)"): _Naming(
        "OpenFlamingo{size}-instruct-RICES", "openflamingo", "rices"
    ),
}

_BY_MODEL: Mapping[str, _Naming] = {
    # Two sources of v1, months apart, and it is not said that the checkpoint is the same.
    "OpenFlamingo v1 (LLaMA-7B; 5M MMC4 + 10M LAION-2B)": _Naming("OpenFlamingo{size}-v1"),
    "OpenFlamingo v1 (LLaMA-7B)": _Naming("OpenFlamingo{size}-v1-issue131"),
    # Each benchmark's best, fine-tuned on another number of examples: the variants differ, the
    # table's row is one.
    "pretrained fine-tuned SOTA (as cited by Flamingo)": _Naming("fine-tuned-SOTA"),
    "zero/few-shot SOTA before Flamingo (as cited by Flamingo)": _Naming("few-shot-SOTA"),
    "restricted SotA (as cited, v1)": _Naming("restricted-SOTA"),
    "unrestricted SotA (as cited, v1)": _Naming("unrestricted-SOTA"),
    "SimVLM": _Naming("SimVLM"),
    "OFA": _Naming("OFA"),
    "Florence": _Naming("Florence"),
}


def name_series(model: str, size: str, *, variant: str) -> Series:
    """Return the series of a row; of a model that is not in the papers, named by its variant."""
    naming = _BY_VARIANT.get((model, variant)) or _BY_MODEL.get(model)
    if naming is None:  # a file of the user's own
        words = re.sub(r"[^\w.]+", "-", variant).strip("-")
        naming = _Naming(f"{model}{{size}}" + (f"-{words}" if words else ""))
    return Series(
        name=naming.pattern.replace("{size}", f"-{size}" if size else ""),
        family=naming.pattern.replace("{size}", ""),
        protocol=naming.protocol,
        sampler=naming.sampler,
        num_seeds=naming.num_seeds,
    )


def parse_size(size: str) -> float:
    """Return a size for sorting; 0 of a model without one."""
    match = re.match(r"[\d.]+", size)
    return float(match[0]) if match else 0.0
