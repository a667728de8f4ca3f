"""The prompts of a case: IDEFICS's words for VQA around pictures on disk.

Both sides make them from the same few values, so they read the same prompts; and each round makes
them anew, so that no picture's hash or pixels are left over from the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from evals.bench.cases import Case
from evals.bench.configs import BenchConfig
from evals.bench.vocabulary import DEMONSTRATION, INSTRUCTION, ask, list_classes
from evals.prompts import Demonstration, build_parts
from evals.types import (
    Decoding,
    Example,
    GenerateRequest,
    Image,
    LogLikelihoodRequest,
    Prompt,
    Wording,
)

MAX_NEW_TOKENS = 10
NUM_WARMUP_PICTURES = 16
WARMUP_CLASSES = 8
"""All 100 would warm transformers up for longer than they are timed."""
WORDING = Wording(example=DEMONSTRATION, text_only="", prefix=INSTRUCTION)

Request = GenerateRequest | LogLikelihoodRequest


@dataclass(frozen=True, slots=True)
class Workload:
    """How many prompts on which pictures."""

    picture_dir: Path
    num_queries: int
    num_pictures: int
    num_support: int
    num_warmup: int

    def picture_names(self) -> list[str]:
        """Return all pictures' names; those to warm up with are seen in no timed prompt."""
        return [
            *(f"query{index}" for index in range(self.num_pictures)),
            *(f"support{index}" for index in range(self.num_support)),
            *(f"warmup{index}" for index in range(NUM_WARMUP_PICTURES)),
        ]


def plan_workload(config: BenchConfig, *, picture_dir: Path, num_queries: int) -> Workload:
    return Workload(
        picture_dir=picture_dir,
        num_queries=num_queries,
        num_pictures=min(config.num_pictures, num_queries),
        num_support=config.num_support,
        num_warmup=config.num_warmup,
    )


def build_requests(workload: Workload, case: Case, *, limit: int | None = None) -> list[Request]:
    """Return the requests of a round, or the first `limit` of them: these do not depend on it."""
    count = workload.num_queries if limit is None else min(limit, workload.num_queries)
    support = [
        _make_example(workload, f"support{index}", f"support{index}")
        for index in range(workload.num_support)
    ]
    return [
        _build_request(
            case,
            f"query{index}",
            # The questions on one picture are as far apart as they can be.
            query=_make_example(workload, f"query{index}", f"query{index % workload.num_pictures}"),
            support=support,
        )
        for index in range(count)
    ]


def build_warmup(workload: Workload, case: Case) -> list[Request]:
    """Return a few requests of the same make, on pictures that no timed request has."""
    examples = [
        _make_example(workload, f"warmup{index}", f"warmup{index}")
        for index in range(NUM_WARMUP_PICTURES)
    ]
    if case.classes:
        case = Case(case.kind, case.shots, min(case.classes, WARMUP_CLASSES))
    count = 1 if case.classes else workload.num_warmup
    return [
        _build_request(
            case,
            f"warmup{index}",
            query=examples[index % NUM_WARMUP_PICTURES],
            support=examples,
        )
        for index in range(count)
    ]


def build_prefill(workload: Workload, case: Case, *, limit: int) -> list[GenerateRequest]:
    """Return requests that are little more than reading their prompts: one new token each."""
    requests = build_requests(workload, Case("random", case.shots), limit=limit)
    return [
        GenerateRequest(request.id, request.prompt, Decoding(max_new_tokens=1))
        for request in requests
    ]


def _make_example(workload: Workload, example_id: str, picture: str) -> tuple[Example, str]:
    question, answer = ask(Random(example_id))
    image = Image(workload.picture_dir / f"{picture}.jpg")
    return Example(example_id, image, question, (answer,)), answer


def _build_request(
    case: Case,
    request_id: str,
    *,
    query: tuple[Example, str],
    support: Sequence[tuple[Example, str]],
) -> Request:
    prompt = _build_prompt(case, request_id, query=query, support=support)
    if case.classes:
        return LogLikelihoodRequest(request_id, prompt, list_classes(case.classes))
    return GenerateRequest(request_id, prompt, Decoding(MAX_NEW_TOKENS, case.num_beams))


def _build_prompt(
    case: Case,
    request_id: str,
    *,
    query: tuple[Example, str],
    support: Sequence[tuple[Example, str]],
) -> Prompt:
    random = Random("fixed" if case.kind == "fixed" else request_id)
    # A support set smaller than the shots (warm-up, quick) repeats itself.
    pool = list(support) * -(-max(1, case.shots) // len(support))
    shown = random.sample(pool, case.shots)
    demonstrations = [Demonstration(example, answer) for example, answer in shown]
    return build_parts(WORDING, demonstrations, query[0]).join()
