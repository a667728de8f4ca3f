"""`python -m evals.bench` is `evals bench`, where the rest of `evals` cannot be installed."""

import sys

from evals.bench.command import bench
from evals.errors import EvalError

if __name__ == "__main__":  # the children, which are spawned, import this module once more
    try:
        bench(sys.argv[1:])
    except EvalError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)  # as `evals bench` does
