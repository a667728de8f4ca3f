"""What a user can put right, each with the way out in its message.

    EvalError
    ├── ConfigError       a setting: unknown, missing, contradictory
    ├── DataError         an annotation file, a picture, a row
    │   └── PictureError  a picture that cannot be read or decoded
    ├── PromptError       a prompt that cannot be built or read
    ├── CheckpointError   a model folder: files, config, weights
    ├── ModelError        a model that does not answer as `evals.types.Model` promises
    ├── OutOfMemoryError  memory that ran out, of a GPU or of the host
    ├── ResultsError      a run folder or a results file
    └── WorkerError       a process elsewhere that answers: it died, or hung

Anything else that is raised is a bug of ours and keeps its traceback.
"""

from collections.abc import Iterable


class EvalError(Exception):
    """A mistake that the user can mend; the command line prints it without a traceback."""


class ConfigError(EvalError):
    """A setting is unknown, missing or contradicts another."""


class DataError(EvalError):
    """A data file, a picture or a row is missing or malformed."""


class PictureError(DataError):
    """A picture cannot be read or decoded."""


class PromptError(EvalError):
    """A prompt cannot be built, or the model cannot read it."""


class CheckpointError(EvalError):
    """A checkpoint's folder, config or weights are not what they must be."""


class ModelError(EvalError):
    """A model's answers are not what a model promises: a mistake of whoever wrote the model."""


class OutOfMemoryError(EvalError):
    """Memory ran out, of a GPU or of the host, and nothing smaller could be tried."""


class ResultsError(EvalError):
    """A run folder or a results file does not hold what is asked of it."""


class WorkerError(EvalError):
    """Processes that answer elsewhere die or hang, again and again."""


MAX_LENGTH = 1000
"""Of a problem that is listed: what it quotes may be a whole damaged file."""


def list_problems(problems: Iterable[str], *, max_shown: int = 20) -> str:
    """Return one line a problem, cut after `max_shown` with the number left out."""
    lines = list(problems)
    shown = [
        f"  - {line}" if len(line) <= MAX_LENGTH else f"  - {line[:MAX_LENGTH]}..."
        for line in lines[:max_shown]
    ]
    if len(lines) > max_shown:
        shown.append(f"  ... and {len(lines) - max_shown} more")
    return "\n".join(shown)
