"""How good retrieval is: questions with known answers, asked of a collection."""

from docpipe.golden.evaluation import Evaluation, JudgedQuery, evaluate
from docpipe.golden.golden_set import GoldenSet
from docpipe.golden.target import Target

__all__ = ["Evaluation", "GoldenSet", "JudgedQuery", "Target", "evaluate"]
