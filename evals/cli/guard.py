"""What a command ends with: its exit code, and one message where something is wrong."""

import sys
import traceback
from collections.abc import Callable, Sequence

from evals.cli.interrupting import say_interrupted
from evals.errors import EvalError

MISUSE = 2
INTERNAL_ERROR = 70
INTERRUPTED = 130


def guard(work: Callable[[], None], words: Sequence[str] = ()) -> int:
    """Do the work; return the exit code, after the one message that goes with it.

    Args:
        words: what was typed after `evals`, for the command that resumes.
    """
    try:
        work()
    except EvalError as error:
        print(f"error: {error}", file=sys.stderr)
        return MISUSE
    except KeyboardInterrupt:
        print(say_interrupted(words, sys.orig_argv), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    except Exception:  # the one place: whatever else is raised is a bug of ours, and says so
        traceback.print_exc()
        print("internal error: please report the lines above", file=sys.stderr)
        return INTERNAL_ERROR
    return 0
