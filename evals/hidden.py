"""A run folder's settings of which a part is `<hidden>`: what needs them is refused, never guessed.

Older folders also hide what was no secret (a plugin's `image_token`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from evals.errors import ConfigError, list_problems
from evals.secrets import HIDDEN, find_hidden
from evals.types import Model, ModelInfo

NOT_NEEDED = ("model", "tracker", "execution", "report")
"""Settings that no score is computed from."""


@dataclass(frozen=True, slots=True)
class HiddenModel:
    """The settings of a model that cannot be made: scores need none, an answer would."""

    places: tuple[str, ...]

    def describe(self) -> ModelInfo:
        self._refuse()

    def load(self) -> Model:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise ConfigError(
            f"{', '.join(self.places)}: {HIDDEN} stands for a secret, and no run folder keeps "
            "secrets; to make this model, give the value itself on the command line"
        )


def refuse_hidden(values: Mapping[str, Any], file: str = "") -> None:
    """Check that nothing is hidden of the settings that scores are computed from.

    Args:
        values: a composed config, or a run's.
        file: that it was read from; empty for the command line's.

    Raises:
        ConfigError: something is; every place is listed.
    """
    needed = {key: value for key, value in values.items() if key not in NOT_NEEDED}
    if places := list(find_hidden(needed)):
        way_out = (
            "write their values into the file for as long as they are needed (of data_dir, "
            "image_dir, questions, annotations: give new ones after the run folder)"
            if file
            else "give the values themselves"
        )
        raise ConfigError(
            f"{file or 'settings'}: {HIDDEN} stands for secrets, which no file keeps, and nothing "
            f"is computed from that word; {way_out}:\n{list_problems(places)}"
        )
