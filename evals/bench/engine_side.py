"""The built-in IDEFICS in its process."""

from collections.abc import Iterable, Iterator, Sequence

from evals.bench.cases import Case
from evals.bench.floor import PromptShape
from evals.bench.sides import (
    Outputs,
    Prefill,
    Round,
    SideSettings,
    read_side_peak,
    release_memory,
    time_work,
)
from evals.bench.workload import Request, build_prefill, build_requests, build_warmup
from evals.models.idefics.config import read_config
from evals.models.idefics.loading import load_idefics
from evals.models.idefics.tokens import read_tokenizer
from evals.types import GenerateRequest, LogLikelihoodRequest, Model, Prompt


class EngineSide:
    def __init__(self, settings: SideSettings) -> None:
        self._settings = settings
        self._model: Model | None = None

    def prepare(self, case: Case) -> None:
        """Load the model anew, since what it remembers of pictures would not be timed again."""
        self._model = None
        release_memory(self._settings.torch_device)
        self._model = load_engine(self._settings)
        self._ask(build_warmup(self._settings.workload, case))

    def answer(self, case: Case, limit: int | None) -> Round:
        requests = build_requests(self._settings.workload, case, limit=limit)
        seconds, outputs = time_work(lambda: self._ask(requests), self._settings.torch_device)
        return Round(seconds, outputs)

    def prefill(self, case: Case, limit: int, passes: int) -> Prefill:
        """Time passes over prompts in one model object, after one that encodes their pictures."""
        requests = build_prefill(self._settings.workload, case, limit=limit)
        self._ask(requests)
        times = [
            time_work(lambda: self._ask(requests), self._settings.torch_device)[0]
            for _ in range(passes)
        ]
        return Prefill(times, tuple(self._shapes(request.prompt for request in requests)))

    def peak_bytes(self) -> int:
        return read_side_peak(self._settings.torch_device)

    def _ask(self, requests: Sequence[Request]) -> Outputs:
        assert self._model is not None
        generate = [request for request in requests if isinstance(request, GenerateRequest)]
        if generate:
            answers = self._model.generate(generate)
            return Outputs({answer.id: answer.token_ids for answer in answers}, {})
        classify = [request for request in requests if isinstance(request, LogLikelihoodRequest)]
        scores = self._model.loglikelihood(classify)
        return Outputs({}, {score.id: score.logprobs for score in scores})

    def _shapes(self, prompts: Iterable[Prompt]) -> Iterator[PromptShape]:
        folder = self._settings.checkpoint
        tokenizer = read_tokenizer(folder, vocab_size=read_config(folder).total_vocab_size)
        for prompt in prompts:
            encoded = tokenizer.encode(prompt, bos=True)
            num_seeing = sum(index >= 0 for index in encoded.image_of_token)
            yield PromptShape(encoded.ids, tuple(map(str, encoded.images)), num_seeing)


def load_engine(settings: SideSettings) -> Model:
    """Load the model as a user gets it who sets device and type, and mostly no batch size."""
    return load_idefics(
        settings.checkpoint,
        settings.info,
        device=settings.torch_device,
        dtype=settings.torch_dtype,
        batch_size=settings.batch_size,
    )
