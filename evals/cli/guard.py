"""What a command ends with: its exit code, and one message where something is wrong."""

import errno
import sys
import traceback
from collections.abc import Callable, Sequence

from evals.cli.interrupting import say_interrupted
from evals.errors import EvalError

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
            return _report_bug()
        print(
            f"error: {error.filename or 'a file'} cannot be written: {error.strerror}; what was "
            "written before stays. Free space, or choose another folder, and run the same command "
            "again",
            file=sys.stderr,
        )
        return MISUSE
    except Exception:  # the one place: whatever else is raised is a bug of ours, and says so
        return _report_bug()
    return 0


def _report_bug() -> int:
    traceback.print_exc()
    print("internal error: please report the lines above", file=sys.stderr)
    return INTERNAL_ERROR
