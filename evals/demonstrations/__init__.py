"""Which support examples a query's prompt shows, decided before any answer."""

from evals.demonstrations.plan import Plan, PlanEntry, build_plan, read_plan, write_plan
from evals.demonstrations.samplers import (
    Ranking,
    balance_labels,
    draw_support_set,
    fix_order,
    order_randomly,
)

__all__ = [
    "Plan",
    "PlanEntry",
    "Ranking",
    "balance_labels",
    "build_plan",
    "draw_support_set",
    "fix_order",
    "order_randomly",
    "read_plan",
    "write_plan",
]
