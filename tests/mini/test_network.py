from pathlib import Path
from random import Random

import pytest
import torch
from PIL import Image as Pil
from tokenizers import Tokenizer
from transformers import IdeficsForVisionText2Text, IdeficsProcessor, PreTrainedTokenizerFast
from transformers.models.idefics.image_processing_pil_idefics import IdeficsImageProcessorPil

from evals.mini.episodes import Episode, build_episode
from evals.mini.examples import MINIS
from evals.mini.network import build_batch, build_network, predict_answers, save_checkpoint
from evals.mini.pictures import IMAGE_SIZE, MEAN, STD, read_pictures
from evals.mini.tokenizer import ADDITIONAL
from evals.mini.train import learn_vocabulary, read_splits
from evals.protocols import load_protocol


@pytest.fixture(scope="module")
def tokenizer(mini_root: Path) -> Tokenizer:
    return learn_vocabulary(read_splits(mini_root, "train"))


@pytest.fixture(scope="module")
def network() -> IdeficsForVisionText2Text:
    torch.manual_seed(0)
    return build_network().eval()


@pytest.fixture(scope="module")
def episodes(mini_root: Path) -> list[Episode]:
    """One of two demonstrations, one of none: batches pad both text and pictures."""
    mini = MINIS[0]
    examples = mini.read(mini_root / mini.name, "train")
    rules = load_protocol("idefics")
    return [
        build_episode(mini, rules, shown=examples[:2], query=examples[5], rng=Random(0)),
        build_episode(mini, rules, shown=[], query=examples[6], rng=Random(0)),
    ]


def test_a_batch_predicts_what_transformers_own_processor_and_forward_do(
    episodes: list[Episode], tokenizer: Tokenizer, network: IdeficsForVisionText2Text
) -> None:
    batch = build_batch(episodes, tokenizer)
    pictures = read_pictures(list(dict.fromkeys(batch.images)))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<unk>",
        additional_special_tokens=list(ADDITIONAL),
    )
    images = IdeficsImageProcessorPil(image_size=IMAGE_SIZE, image_mean=MEAN, image_std=STD)
    processor = IdeficsProcessor(images, fast, add_end_of_utterance_token=False)
    with torch.no_grad():
        ours = predict_answers(network, batch, pictures.read(batch.images))
        for row, episode in enumerate(episodes):
            texts = episode.text.removeprefix("<s>").split(
                "<fake_token_around_image><image><fake_token_around_image>"
            )
            segments: list[object] = [texts[0]]
            for path, text in zip(episode.images, texts[1:], strict=True):
                segments += [Pil.open(path), text]
            inputs = processor(text=[segments], return_tensors="pt")
            theirs = network(**inputs).logits[0]
            chosen = batch.rows == row
            torch.testing.assert_close(ours[chosen], theirs[batch.columns[chosen]])


def test_an_answers_tokens_and_the_end_after_it_are_learnt(
    episodes: list[Episode], tokenizer: Tokenizer
) -> None:
    batch = build_batch(episodes, tokenizer)
    for row, episode in enumerate(episodes):
        targets = batch.targets[batch.rows == row].tolist()
        expected = [
            token
            for start, end in episode.answers
            for token in [
                *tokenizer.encode(episode.text[start:end].strip(), add_special_tokens=False).ids,
                2,
            ]
        ]
        assert targets == expected


def test_shifted_pictures_are_moved_by_a_few_pixels_only(episodes: list[Episode]) -> None:
    paths = episodes[0].images
    pictures = read_pictures(paths)
    still = pictures.read(paths)
    moved = pictures.read(paths, shifts=torch.Generator().manual_seed(1))
    assert moved.shape == still.shape
    assert not torch.equal(moved, still)
    for one, other in zip(moved, still, strict=True):
        wide = torch.nn.functional.pad(other, (3, 3, 3, 3), mode="replicate")
        windows = wide.unfold(1, 64, 1).unfold(2, 64, 1)
        assert any(torch.equal(windows[:, top, left], one) for top in range(7) for left in range(7))


def test_a_saved_checkpoint_is_read_back_by_transformers(
    tokenizer: Tokenizer, network: IdeficsForVisionText2Text, tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoint"
    for _ in range(2):
        save_checkpoint(network, tokenizer, folder)
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    again = IdeficsForVisionText2Text.from_pretrained(folder, dtype=torch.float32)
    for name, weight in network.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], weight, rtol=1e-3, atol=1e-6)
