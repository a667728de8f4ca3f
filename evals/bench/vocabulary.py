"""The bench's words, and a tokenizer of 32,000 pieces that knows each of them whole.

It behaves as LLaMA's does: `<unk>` 0, `<s>` 1, `</s>` 2, the 256 bytes, then pieces in which "▁"
is a space, byte fallback for what has no piece, and IDEFICS's own tokens after the vocabulary.
Nothing is trained: the merges of a word put it together letter by letter, from its start. The
pieces left over have no merges; a random model says them, and then they read as text.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from random import Random

from tokenizers import AddedToken, Tokenizer, decoders, normalizers
from tokenizers.models import BPE

from evals.types import IMAGE_TOKENS

IMAGE, FAKE = IMAGE_TOKENS
SPECIAL = ("<unk>", "<s>", "</s>")
ADDITIONAL = (FAKE, IMAGE)
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))

INSTRUCTION = "Instruction: provide an answer to the question. Use the image to answer.\n"
DEMONSTRATION = "Image:<image>Question: {question} Answer: {answer}\n"
"""IDEFICS's own (OBELICS, table 11), as configs/protocol/idefics.yaml has it."""

_ADJECTIVES = ("small", "large", "red", "green", "blue", "old", "young", "wooden", "white", "black")
_THINGS = ("man", "woman", "child", "dog", "cat", "bus", "train", "table", "boat", "horse")
_PLACES = ("street", "beach", "kitchen", "window", "field", "road", "room", "water", "wall", "bed")
_QUESTIONS = (
    "What color is the {adjective} {thing} near the {place}?",
    "How many people stand behind the {thing} on the {place}?",
    "Is the {adjective} {thing} standing in the {place}?",
    "What is the {thing} doing next to the {place}?",
    "Where does the {adjective} {thing} look at the {place}?",
)
_NAMES = ("Instruction", "Image", "Question", "Answer")
_PUNCTUATION = ".:?,"


def ask(random: Random) -> tuple[str, str]:
    """Draw a question and its answer, each about as long as VQAv2's."""
    question = random.choice(_QUESTIONS).format(
        adjective=random.choice(_ADJECTIVES),
        thing=random.choice(_THINGS),
        place=random.choice(_PLACES),
    )
    answers = (("yes", "no"), _ADJECTIVES, _THINGS)
    return question, random.choice(random.choice(answers))


def list_classes(count: int) -> tuple[str, ...]:
    """Return `count` class names with the space before them: yes and no, or of 1 to 4 words."""
    if count == 2:
        return (" yes", " no")
    random = Random("classes")
    names: dict[str, None] = {}
    while len(names) < count:
        num_words = 1 + len(names) % 4
        first = [random.choice(_ADJECTIVES) for _ in range(num_words - 1)]
        last = random.choice((*_THINGS, *_PLACES, *_ADJECTIVES))
        names[" " + " ".join((*first, last))] = None
    return tuple(names)


def _list_words() -> list[str]:
    """Return all words of all prompts, each once."""
    texts = (INSTRUCTION, *_NAMES, *_QUESTIONS, "yes no", *_ADJECTIVES, *_THINGS, *_PLACES)
    plain = (re.sub(r"\{\w+\}", " ", text) for text in texts)
    return list(dict.fromkeys(word for text in plain for word in re.findall("[A-Za-z]+", text)))


def build_tokenizer(vocab_size: int) -> Tokenizer:
    """Return the tokenizer; `vocab_size` counts neither `<fake_token_around_image>` nor `<image>`.

    Raises:
        ValueError: the words do not fit.
    """
    words = _list_words()
    # After a space first, so that no word's inside is merged before its start is.
    merges = [*_merge_all(f"▁{word}" for word in words), *_merge_all(words)]
    letters = sorted({letter for word in words for letter in word})
    pieces = dict.fromkeys(
        (*SPECIAL, *BYTES, "▁", *_PUNCTUATION, *letters, *(left + right for left, right in merges))
    )
    num_left = vocab_size - len(pieces)
    if num_left < 0:
        raise ValueError(f"a vocabulary of {vocab_size} has no room for {len(pieces)} pieces")
    vocab = {piece: index for index, piece in enumerate(pieces)}
    vocab.update((f"▁piece{index}", len(pieces) + index) for index in range(num_left))
    tokenizer = Tokenizer(
        BPE(
            vocab=vocab,
            merges=list(dict.fromkeys(merges)),
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.add_special_tokens(
        [AddedToken(name, normalized=False, special=True) for name in (*SPECIAL, *ADDITIONAL)]
    )
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json."""
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<unk>",
        "additional_special_tokens": list(ADDITIONAL),
        "padding_side": "left",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def _merge_all(words: Iterable[str]) -> list[tuple[str, str]]:
    return [(word[:end], word[end]) for word in words for end in range(1, len(word))]
