"""Where a model answers: in this process, or in workers of a cluster.

The runner sees one model either way. Ray is imported only here, and only where it is asked for.
"""

from evals.execution.execution import Execution, spread_model

__all__ = ["Execution", "spread_model"]
