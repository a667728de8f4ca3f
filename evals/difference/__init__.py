"""Why two runs' numbers differ: the first cause, and what part of the gap each layer makes.

difference = find_difference(one, other, progress)
difference.cause           # the first in the order of Layer; None where nothing differs
difference.parts           # what of the gap is the scorer's, the truncation's, ...
"""

from evals.difference.causes import find_difference
from evals.difference.difference import Cause, Difference, Layer, Part
from evals.difference.format import format_difference

__all__ = ["Cause", "Difference", "Layer", "Part", "find_difference", "format_difference"]
