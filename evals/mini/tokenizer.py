"""The tiny checkpoint's vocabulary: a small BPE that behaves as LLaMA's tokenizer does.

As in LLaMA: `<unk>` 0, `<s>` 1, `</s>` 2, the 256 bytes, then pieces; a space is "▁", one stands
before each text; what has no piece is spelt in bytes, so any text can be encoded (a newline is
`<0x0A>`, and alone the pair of "▁" and it). IDEFICS's own tokens follow the vocabulary.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer

from evals.mini.episodes import END_OF_UTTERANCE, FAKE, IMAGE

VOCAB_SIZE = 800
SPECIAL = ("<unk>", "<s>", "</s>")
ADDITIONAL = (FAKE, IMAGE, END_OF_UTTERANCE)
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
_SPECIAL_OR_NEWLINE = re.compile("|".join(map(re.escape, (*SPECIAL, *ADDITIONAL, "\n"))))
_PRINTABLE = [chr(code) for code in range(33, 127)]


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Learn the pieces of `texts`, words being whole and apart from digits and punctuation."""
    learner = Tokenizer(BPE())
    learner.normalizer = _normalizer()
    # Only while learning, so that no piece crosses a border: as in LLaMA's file, none is kept.
    learner.pre_tokenizer = pre_tokenizers.Split(
        Regex(r"\n|▁?[A-Za-z]+|▁|[^A-Za-z▁\n]"), behavior="isolated"
    )
    num_learnt = VOCAB_SIZE - len(SPECIAL) - len(BYTES)
    learner.train_from_iterator(
        (piece for text in texts for piece in _SPECIAL_OR_NEWLINE.split(text)),
        BpeTrainer(vocab_size=num_learnt, initial_alphabet=["▁", *_PRINTABLE], show_progress=False),
    )
    learnt = json.loads(learner.to_str())["model"]
    pieces = sorted(learnt["vocab"], key=learnt["vocab"].__getitem__)
    vocab = {piece: index for index, piece in enumerate((*SPECIAL, *BYTES, *pieces))}
    merges = [(left, right) for left, right in learnt["merges"]]
    return _assemble(vocab, merges)


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json and the two small files beside it."""
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<unk>"}
    special = {**names, "additional_special_tokens": list(ADDITIONAL)}
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **special,
        "padding_side": "left",
        "model_max_length": 2048,
        "clean_up_tokenization_spaces": False,
    }
    for name, content in (("tokenizer_config", settings), ("special_tokens_map", special)):
        (folder / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")


def _assemble(vocab: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    tokenizer = Tokenizer(
        BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    tokenizer.normalizer = _normalizer()
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", vocab["<s>"])]
    )
    tokenizer.add_special_tokens(
        [AddedToken(name, normalized=False, special=True) for name in (*SPECIAL, *ADDITIONAL)]
    )
    return tokenizer


def _normalizer() -> normalizers.Normalizer:
    return normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
