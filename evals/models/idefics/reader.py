"""What can be said of prompts without the weights: where the model itself answers elsewhere."""

from dataclasses import dataclass
from pathlib import Path

from evals.models.idefics.config import read_config
from evals.models.idefics.tokens import PromptTokenizer, read_tokenizer
from evals.types import Prompt


@dataclass(frozen=True, slots=True)
class IdeficsReader:
    """Counts tokens as `IdeficsModel` does."""

    tokenizer: PromptTokenizer
    max_tokens: int

    def count_tokens(self, prompt: Prompt, *, bos: bool = True) -> int:
        return len(self.tokenizer.encode(prompt, bos=bos).ids)


def read_reader(folder: Path) -> IdeficsReader:
    """Read a checkpoint's small files.

    Raises:
        CheckpointError: one is missing or malformed.
    """
    config = read_config(folder)
    tokenizer = read_tokenizer(folder, vocab_size=config.total_vocab_size)
    return IdeficsReader(tokenizer, config.max_tokens)
