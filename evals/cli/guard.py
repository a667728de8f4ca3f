"""What a command ends with: its exit code, and one message where something is wrong."""

import errno
import sys
import traceback
from collections.abc import Callable, Sequence

from evals.cli.interrupting import say_interrupted
from evals.errors import EvalError
from evals.memory import is_out_of_memory, name_shortage

MISUSE = 2
INTERNAL_ERROR = 70
INTERRUPTED = 130
DISK_REFUSALS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO}
)
"""What a disk says that is full, over its quota, read-only, not ours or broken."""


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
    except OSError as error:
        if error.errno not in DISK_REFUSALS:
            return _report_unexpected(error)
        print(
            f"error: {error.filename or 'a file'} cannot be written: {error.strerror}; what was "
            "written before stays. Free space, or choose another folder, and run the same command "
            "again",
            file=sys.stderr,
        )
        return MISUSE
    except Exception as error:  # the one place: whatever else is raised is a bug of ours
        return _report_unexpected(error)
    return 0


def _report_unexpected(error: Exception) -> int:
    if is_out_of_memory(error):
        print(
            f"error: {name_shortage(error)}; what was written before stays. End other programs, or "
            "use a machine with more memory, and run the same command again",
            file=sys.stderr,
        )
        return MISUSE
    traceback.print_exc()
    print("internal error: please report the lines above", file=sys.stderr)
    return INTERNAL_ERROR
