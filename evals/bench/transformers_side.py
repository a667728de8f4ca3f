"""transformers in its process, driven as IDEFICS's users and the known harnesses drive it.

`IdeficsProcessor` and `generate` over batches of eight rows, padded on the left; of a closed set,
each class is a row of its own with the whole prompt before it, and its log-likelihood is the sum
over its tokens. Pictures are opened and decoded where a prompt shows them.
"""

from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import TypeVar

import torch
from PIL.Image import Image as PilImage
from torch import Tensor
from transformers import GenerationConfig
from transformers.utils import logging

from evals.bench.cases import BATCH_SIZE, Case
from evals.bench.sides import (
    Outputs,
    Round,
    SideSettings,
    read_side_peak,
    release_memory,
    time_work,
)
from evals.bench.workload import MAX_NEW_TOKENS, Request, build_requests, build_warmup
from evals.models.transformers_idefics import TransformersModel, load_transformers
from evals.models.transformers_processor import decode
from evals.prompts import build_prompt
from evals.types import (
    IMAGE_TOKENS,
    GenerateRequest,
    Image,
    LogLikelihoodRequest,
    Prompt,
    Text,
)

_T = TypeVar("_T")


class TransformersSide:
    def __init__(self, settings: SideSettings) -> None:
        self._settings = settings
        self._model: TransformersModel | None = None

    def prepare(self, case: Case) -> None:
        """Load and warm up once: transformers remembers nothing of a picture."""
        if self._model is None:
            logging.disable_progress_bar()
            self._model = load_transformers(
                self._settings.checkpoint,
                self._settings.info,
                device=self._settings.torch_device,
                dtype=self._settings.torch_dtype,
            )
            self._ask(build_warmup(self._settings.workload, case))

    def answer(self, case: Case, limit: int | None) -> Round:
        requests = build_requests(self._settings.workload, case, limit=limit)
        seconds, outputs = time_work(lambda: self._ask(requests), self._settings.torch_device)
        release_memory(self._settings.torch_device)
        return Round(seconds, outputs)

    def peak_bytes(self) -> int:
        return read_side_peak(self._settings.torch_device)

    @torch.inference_mode()
    def swap_pictures(self) -> tuple[float, ...]:
        """Return how far logits move when a picture of a prompt is replaced, each in turn.

        The prompt has one demonstration, so the first is seen through what was read before.
        """
        workload, case = self._settings.workload, Case("random", 1)
        prompt, other = (request.prompt for request in build_warmup(workload, case)[:2])
        new = next(part for part in reversed(other) if isinstance(part, Image))
        logits = self._read_logits(prompt, ())[-1]
        moves = []
        for index, part in enumerate(prompt):
            if isinstance(part, Image):
                swapped = (*prompt[:index], new, *prompt[index + 1 :])
                moves.append(float((self._read_logits(swapped, ())[-1] - logits).abs().max()))
        return tuple(moves)

    @torch.inference_mode()
    def margin(
        self, case: Case, request_id: str, ids: Sequence[int], other: Sequence[int]
    ) -> float | None:
        """Return how close two answers to a request were, in this model's eyes.

        Greedy: the difference of the logits where they part. Beams: of the whole answers' scores.
        `None` where they do not part but end.
        """
        requests = build_requests(self._settings.workload, case)
        prompt = next(request.prompt for request in requests if request.id == request_id)
        if case.num_beams > 1:
            return abs(self._score(prompt, ids) - self._score(prompt, other))
        pairs = zip(ids, other, strict=False)
        common = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]
        place = len(common)
        if place in (len(ids), len(other)):
            return None
        logits = self._read_logits(prompt, common)[-1]
        return abs(float(logits[ids[place]] - logits[other[place]]))

    @property
    def _loaded(self) -> TransformersModel:
        assert self._model is not None
        return self._model

    @torch.inference_mode()
    def _ask(self, requests: Sequence[Request]) -> Outputs:
        generate = [request for request in requests if isinstance(request, GenerateRequest)]
        classify = [request for request in requests if isinstance(request, LogLikelihoodRequest)]
        tokens: dict[str, tuple[int, ...]] = {}
        for batch in _split(generate, BATCH_SIZE):
            answers = self._generate([r.prompt for r in batch], num_beams=_num_beams(batch))
            tokens.update(zip((request.id for request in batch), answers, strict=True))
        return Outputs(tokens, self._classify(classify))

    def _generate(self, prompts: Sequence[Prompt], *, num_beams: int) -> Iterator[tuple[int, ...]]:
        model = self._loaded
        inputs = self._process(prompts)
        tokenizer = model.processor.tokenizer
        sequences = model.network.generate(
            **inputs,
            generation_config=GenerationConfig(
                max_new_tokens=MAX_NEW_TOKENS,
                num_beams=num_beams,
                do_sample=False,
                bad_words_ids=[[tokenizer.convert_tokens_to_ids(name)] for name in IMAGE_TOKENS],
                eos_token_id=list(model.eos_ids),
                pad_token_id=0,
            ),
        )
        for row in sequences[:, inputs["input_ids"].shape[1] :].tolist():
            ends = [index + 1 for index, token in enumerate(row) if token in model.eos_ids]
            yield tuple(row[: ends[0]] if ends else row)

    def _classify(self, requests: Sequence[LogLikelihoodRequest]) -> dict[str, tuple[float, ...]]:
        rows = [(request, choice) for request in requests for choice in request.choices]
        sums: dict[str, tuple[float, ...]] = {}
        for batch in _split(rows, BATCH_SIZE):
            scores = self._score_rows(
                [build_prompt((*request.prompt, Text(choice))) for request, choice in batch],
                [self._count_tokens(choice) for _, choice in batch],
            )
            for (request, _), score in zip(batch, scores, strict=True):
                sums[request.id] = (*sums.get(request.id, ()), score)
        return sums

    def _score_rows(self, prompts: Sequence[Prompt], counts: Sequence[int]) -> list[float]:
        """Return the summed log-probabilities of each prompt's last `counts` tokens."""
        inputs = self._process(prompts)
        logits = self._loaded.network(**inputs).logits
        sums = []
        for row, ids, count in zip(logits, inputs["input_ids"], counts, strict=True):
            logprobs = row[-count - 1 : -1].float().log_softmax(dim=-1)
            sums.append(float(logprobs.gather(1, ids[-count:, None]).sum()))
        return sums

    def _count_tokens(self, choice: str) -> int:
        tokenizer = self._loaded.processor.tokenizer
        return len(tokenizer(choice.strip(" "), add_special_tokens=False)["input_ids"])

    def _process(self, prompts: Sequence[Prompt]) -> dict[str, Tensor]:
        inputs = self._loaded.processor(
            text=[_to_pieces(prompt) for prompt in prompts],
            add_end_of_utterance_token=False,
            padding="longest",
        )
        return {name: tensor.to(self._settings.device) for name, tensor in inputs.items()}

    def _score(self, prompt: Prompt, ids: Sequence[int]) -> float:
        """Return a finished beam's score: its mean log-probability."""
        logprobs = self._read_logits(prompt, ids)[-len(ids) - 1 : -1].log_softmax(dim=-1)
        return float(logprobs[range(len(ids)), list(ids)].mean())

    def _read_logits(self, prompt: Prompt, ids: Sequence[int]) -> Tensor:
        """Return the logits (s, v) of a prompt with an answer after it."""
        inputs = self._process([prompt])
        answer = torch.tensor([list(ids)], dtype=torch.long, device=self._settings.device)
        ones = torch.ones_like(answer)
        last = inputs["image_attention_mask"][:, -1:].expand(-1, len(ids), -1)
        inputs["input_ids"] = torch.cat((inputs["input_ids"], answer), dim=1)
        inputs["attention_mask"] = torch.cat((inputs["attention_mask"], ones), dim=1)
        # An answer goes on looking at the last picture.
        inputs["image_attention_mask"] = torch.cat((inputs["image_attention_mask"], last), dim=1)
        logits: Tensor = self._loaded.network(**inputs).logits[0].float()
        return logits


def _to_pieces(prompt: Prompt) -> list[str | PilImage]:
    return [decode(part) if isinstance(part, Image) else part.text for part in prompt]


def _num_beams(requests: Sequence[GenerateRequest]) -> int:
    (num_beams,) = {request.decoding.num_beams for request in requests}
    return num_beams


def _split(items: Sequence[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
