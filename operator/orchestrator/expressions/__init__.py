"""The bounded expression language: Jinja2 expressions in `$[[ … ]]`, safe for untrusted input.

Authors of workflows are trusted less than the operator that evaluates their expressions. So syntax,
filters and tests are allow-lists, every size has a bound, all work is counted against a budget, and
every failure is an ExpressionError.
"""

from orchestrator.expressions.budget import BudgetExhaustedError, TooCostlyError
from orchestrator.expressions.errors import ExpressionError, SecretValue
from orchestrator.expressions.evaluation import Expression, compile_expression, evaluate_boolean
from orchestrator.expressions.patterns import check_pattern, full_match
from orchestrator.expressions.text import Text, compile_text, render

__all__ = [
    "BudgetExhaustedError",
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
