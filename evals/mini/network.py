"""The tiny IDEFICS: its shape, its batches, and its checkpoint in the hub's layout.

transformers' `IdeficsForVisionText2Text` is the network, so what is trained here is what any
IDEFICS loader reads. b episodes, s tokens, i images, l latents, d width.
"""

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import IdeficsConfig, IdeficsForVisionText2Text

from evals.mini.episodes import IMAGE, Episode
from evals.mini.pictures import IMAGE_SIZE, MEAN, STD
from evals.mini.tokenizer import ADDITIONAL, VOCAB_SIZE, save_tokenizer


def build_network() -> IdeficsForVisionText2Text:
    """Return a fresh network of about 2.3 M parameters, everything trainable."""
    config = IdeficsConfig(
        architectures=["IdeficsForVisionText2Text"],
        vocab_size=VOCAB_SIZE,
        additional_vocab_size=len(ADDITIONAL),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=6,
        num_attention_heads=4,
        cross_layer_interval=2,
        qk_layer_norms=True,
        # The papers start with closed gates because their language model is trained already.
        alpha_initializer="ones",
        alpha_type="float",
        max_position_embeddings=2048,
        # About 1 / sqrt(width): with the default of 0.02, made for wide networks, next to nothing
        # of a picture reaches the text at first, and seeing takes long to set in.
        initializer_range=0.1,
        freeze_text_layers=False,
        freeze_vision_layers=False,
        use_resampler=True,
        vision_config={
            "embed_dim": 96,
            "image_size": IMAGE_SIZE,
            "patch_size": 8,
            "intermediate_size": 384,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "hidden_act": "gelu",
        },
        perceiver_config={
            "use_resampler": True,
            "resampler_depth": 2,
            "resampler_n_heads": 4,
            "resampler_head_dim": 24,
            "resampler_n_latents": 16,
            "qk_layer_norms_perceiver": True,
        },
    )
    return IdeficsForVisionText2Text(config)


@dataclass(frozen=True, slots=True)
class Batch:
    input_ids: torch.Tensor
    """(b, s), padded on the right."""
    attention_mask: torch.Tensor
    """(b, s)"""
    image_attention_mask: torch.Tensor
    """(b, s, i), one for the last image before each token."""
    image_slots: torch.Tensor
    """(b, i), true where an episode has an image."""
    images: tuple[Path, ...]
    """The pictures of all true slots, in order."""
    rows: torch.Tensor
    columns: torch.Tensor
    """Where a token is to be predicted: `logits[rows, columns]` against `targets`."""
    targets: torch.Tensor
    last_answers: torch.Tensor
    """True for the targets that belong to the query's answer."""


def build_batch(episodes: Sequence[Episode], tokenizer: Tokenizer) -> Batch:
    encodings = tokenizer.encode_batch([e.text for e in episodes], add_special_tokens=False)
    length = max(len(encoding.ids) for encoding in encodings)
    ids = torch.zeros(len(episodes), length, dtype=torch.long)
    mask = torch.zeros_like(ids)
    rows, columns, targets, last_answers = [], [], [], []
    for row, (episode, encoding) in enumerate(zip(episodes, encodings, strict=True)):
        ids[row, : len(encoding.ids)] = torch.tensor(encoding.ids)
        mask[row, : len(encoding.ids)] = 1
        for span in episode.answers:
            for column, target in _list_targets(encoding.ids, encoding.offsets, span=span):
                rows.append(row)
                columns.append(column)
                targets.append(target)
                last_answers.append(span == episode.answers[-1])
    num_images = max(1, *(len(episode.images) for episode in episodes))
    image_token = tokenizer.token_to_id(IMAGE)
    assert image_token is not None
    num_seen = torch.eq(ids, image_token).cumsum(dim=1)
    slots = torch.arange(1, num_images + 1)
    return Batch(
        input_ids=ids,
        attention_mask=mask,
        image_attention_mask=(num_seen[:, :, None] == slots).long(),
        image_slots=num_seen[:, -1:] >= slots,
        images=tuple(path for episode in episodes for path in episode.images),
        rows=torch.tensor(rows),
        columns=torch.tensor(columns),
        targets=torch.tensor(targets),
        last_answers=torch.tensor(last_answers),
    )


def predict_answers(
    network: IdeficsForVisionText2Text, batch: Batch, pixels: torch.Tensor
) -> torch.Tensor:
    """Return logits (targets, vocabulary); each picture of the batch is looked at once."""
    num_latents = network.config.perceiver_config.resampler_n_latents
    width = network.config.vision_config.embed_dim
    # A padding image's latents are never attended to.
    padded = torch.zeros(*batch.image_slots.shape, num_latents, width)  # (b, i, l, d)
    if batch.images:
        features = network.model.vision_model(pixel_values=pixels).last_hidden_state
        latents = network.model.perceiver_resampler(features)  # (pictures, l, d)
        padded = padded.masked_scatter(batch.image_slots[:, :, None, None], latents)
    hidden = network.model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        perceiver_embeddings=padded,
        image_attention_mask=batch.image_attention_mask,
        use_cache=False,
    ).last_hidden_state
    logits: torch.Tensor = network.lm_head(hidden[batch.rows, batch.columns])
    return logits


def save_checkpoint(network: IdeficsForVisionText2Text, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a checkpoint in the hub's layout and in half precision, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    half = build_network().half()
    half.load_state_dict(network.state_dict())
    half.save_pretrained(temporary)
    save_tokenizer(tokenizer, temporary)
    preprocessor = {
        "image_num_channels": 3,
        "image_mean": MEAN,
        "image_std": STD,
        "image_size": IMAGE_SIZE,
        "image_processor_type": "IdeficsImageProcessor",
        "processor_class": "IdeficsProcessor",
    }
    (temporary / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n")
    for path in temporary.iterdir():
        path.chmod(0o644)
    temporary.chmod(0o755)
    if folder.exists():
        shutil.rmtree(folder)
    temporary.rename(folder)


def _list_targets(
    ids: Sequence[int], offsets: Sequence[tuple[int, int]], *, span: tuple[int, int]
) -> list[tuple[int, int]]:
    """Return (position, token to predict there) for an answer's tokens and the EOS after them."""
    start, end = span
    inside = [i for i, (left, right) in enumerate(offsets) if right > start and left < end]
    return [(i - 1, ids[i]) for i in inside] + [(inside[-1], 2)]
