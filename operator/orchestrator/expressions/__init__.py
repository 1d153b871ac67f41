"""The bounded expression language: Jinja2 expressions in `$[[ … ]]`, safe with any author's input.

Authors of workflows are trusted less than the operator that evaluates what they write. So every
part is an allow-list, every size has a bound, all work is counted against a budget, and every
failure is an ExpressionError.
"""

from orchestrator.expressions.budget import BudgetUsedUpError, TooCostlyError
from orchestrator.expressions.errors import ExpressionError, SecretValue
from orchestrator.expressions.evaluation import Expression, compile_expression, evaluate_boolean
from orchestrator.expressions.patterns import check_pattern, full_match
from orchestrator.expressions.text import Text, compile_text, render

__all__ = [
    "BudgetUsedUpError",
    "Expression",
    "ExpressionError",
    "SecretValue",
    "Text",
    "TooCostlyError",
    "check_pattern",
    "compile_expression",
    "compile_text",
    "evaluate_boolean",
    "full_match",
    "render",
]
