"""The needed operations, beside a count token by token and the figures known of 9B."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.bench.configs import CONFIGS
from evals.bench.floor import PromptShape, count_prefill_operations
from evals.models.idefics.config import IdeficsConfig, read_config


def make_config(folder: Path, name: str) -> IdeficsConfig:
    from transformers import IdeficsConfig as Theirs

    Theirs(**CONFIGS[name].shapes).save_pretrained(folder)
    return read_config(folder)


@pytest.fixture(scope="module")
def bench_config(tmp_path_factory: pytest.TempPathFactory) -> IdeficsConfig:
    return make_config(tmp_path_factory.mktemp("bench"), "bench")


def count_naively(config: IdeficsConfig, prompt: PromptShape) -> int:
    """One prompt, each token in each layer by itself."""
    width, inner = config.width, config.intermediate_size
    assert config.resampler is not None
    latents, total = config.resampler.num_latents, 0

    def multiply(*sizes: int) -> int:
        product = 2
        for size in sizes:
            product *= size
        return product

    for token in range(prompt.num_tokens):
        sees = token >= prompt.num_tokens - prompt.num_seeing
        for layer in range(config.num_layers):
            if layer % config.cross_layer_interval == 0:
                total += 3 * multiply(width, inner)
                if sees:
                    total += 2 * multiply(width, width)
                    total += 2 * multiply(latents, width)
            total += 2 * multiply(width, width)  # keys and values
            if layer < config.num_layers - 1 or token == prompt.num_tokens - 1:
                total += 2 * multiply(width, width) + 3 * multiply(width, inner)
                total += 2 * multiply(token + 1, width)
    for _ in set(prompt.images):
        total += config.num_gated_layers * 2 * multiply(latents, config.vision.width, width)
    return total


SHAPES = st.integers(1, 40).flatmap(
    lambda tokens: st.builds(
        PromptShape,
        st.tuples(*[st.integers(0, 3)] * tokens),
        st.lists(st.integers(0, 5), max_size=4).map(tuple),
        st.integers(0, tokens),
    )
)


@given(SHAPES)
def test_one_prompt_costs_what_its_tokens_cost(prompt: PromptShape) -> None:
    config = _config()
    assert count_prefill_operations(config, [prompt]) == count_naively(config, prompt)


@given(st.lists(SHAPES, min_size=2, max_size=5))
def test_prompts_together_cost_at_most_what_they_cost_alone(prompts: list[PromptShape]) -> None:
    config = _config()
    together = count_prefill_operations(config, prompts)
    alone = [count_prefill_operations(config, [prompt]) for prompt in prompts]
    assert max(alone) <= together <= sum(alone)


def test_what_prompts_share_is_counted_once(bench_config: IdeficsConfig) -> None:
    start = tuple(range(20))
    one, other = (PromptShape((*start, 100 + i, 7, 7), (i,), 2) for i in range(2))
    apart = PromptShape((999, *start[1:], 101, 7, 7), (1,), 2)
    shared = count_prefill_operations(bench_config, [one, other])
    unshared = count_prefill_operations(bench_config, [one, apart])
    read_once = PromptShape(start, (), 0)
    last_row = count_naively(bench_config, read_once) - _without_last_row(bench_config, read_once)
    assert unshared - shared == count_naively(bench_config, read_once) - last_row


def test_a_picture_that_two_prompts_show_is_projected_once(bench_config: IdeficsConfig) -> None:
    one, same, other = (
        PromptShape((number, 5, 5), (image,), 2) for number, image in ((1, "a"), (2, "a"), (3, "b"))
    )
    difference = count_prefill_operations(bench_config, [one, other]) - count_prefill_operations(
        bench_config, [one, same]
    )
    assert difference == 2 * 2 * 2 * 64 * 384 * 512


def test_a_32_shot_prompt_of_9b_needs_about_12_teraoperations(tmp_path: Path) -> None:
    """9.5 of language layers, 2.1 of gated layers, 0.35 of keys and values of 33 pictures."""
    config = make_config(tmp_path, "9b")
    prompt = PromptShape(tuple(range(730)), tuple(range(33)), 710)
    assert 11.3e12 < count_prefill_operations(config, [prompt]) < 12.3e12


def test_nothing_costs_nothing(bench_config: IdeficsConfig) -> None:
    assert count_prefill_operations(bench_config, []) == 0


def _without_last_row(config: IdeficsConfig, prompt: PromptShape) -> int:
    """What a prompt costs of which nothing is read: in the last layer, keys and values only."""
    square, feed_forward = config.width**2, 3 * config.width * config.intermediate_size
    row = 2 * (2 * square + feed_forward) + 2 * 2 * config.width * prompt.num_tokens
    return count_naively(config, prompt) - row


_READ: list[IdeficsConfig] = []


def _config() -> IdeficsConfig:
    """Hypothesis takes no fixture of a narrower scope than its examples."""
    if not _READ:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            _READ.append(make_config(Path(folder), "bench"))
    return _READ[0]
