"""The values that every room passes on: prompts, examples, tasks, requests, models.

All are frozen; behaviour lives in functions elsewhere. The words are the field's, one each: see
docs/architecture.md.
"""

from evals.types.examples import Example, ExampleSet, HubSource, Source
from evals.types.models import (
    FrugalSpec,
    HubSpec,
    Model,
    ModelInfo,
    ModelSpec,
    PromptReader,
    ReadableSpec,
)
from evals.types.prompts import Image, Prompt, Segment, Text
from evals.types.requests import (
    IMAGE_TOKENS,
    Decoding,
    GenerateRequest,
    Generation,
    LogLikelihoodRequest,
    LogLikelihoods,
)
from evals.types.scales import DEFAULT_SCALE, Scale, Unit
from evals.types.tasks import (
    Answer,
    Kind,
    Metric,
    Prediction,
    ResultsFile,
    ResultsFormat,
    Score,
    Task,
    Wording,
)

__all__ = [
    "DEFAULT_SCALE",
    "IMAGE_TOKENS",
    "Answer",
    "Decoding",
    "Example",
    "ExampleSet",
    "FrugalSpec",
    "GenerateRequest",
    "Generation",
    "HubSource",
    "HubSpec",
    "Image",
    "Kind",
    "LogLikelihoodRequest",
    "LogLikelihoods",
    "Metric",
    "Model",
    "ModelInfo",
    "ModelSpec",
    "Prediction",
    "Prompt",
    "PromptReader",
    "ReadableSpec",
    "ResultsFile",
    "ResultsFormat",
    "Scale",
    "Score",
    "Segment",
    "Source",
    "Task",
    "Text",
    "Unit",
    "Wording",
]
