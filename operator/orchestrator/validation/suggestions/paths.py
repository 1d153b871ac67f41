"""References of other systems, and their equivalents."""

from __future__ import annotations

import re
from collections.abc import Callable

from orchestrator.validation.suggestions.proposals import identifier

_NAME = r"([A-Za-z_][\w-]*)"
_STEP = r"(?:steps|tasks|needs|jobs|dependencies)"
_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), written)
    for pattern, written in (
        (
            rf"{_STEP}\.{_NAME}\.(?:outputs\.parameters|outputs|results)\.{_NAME}",
            lambda match: f"nodes.{identifier(match[1])}.outputs.{identifier(match[2])}",
        ),
        (
            rf"{_STEP}\.{_NAME}\.(?:status|result|outcome|conclusion|phase)",
            lambda match: f"nodes.{identifier(match[1])}.phase",
        ),
        (
            rf"{_STEP}\.{_NAME}\.(?:exitCode|exit_code)",
            lambda match: f"nodes.{identifier(match[1])}.exitCode",
        ),
        (
            rf"(?:github\.event\.inputs|workflow\.parameters|inputs\.parameters|inputs|parameters"
            rf"|params|secrets|env|variables|var|arguments|args)\.{_NAME}",
            lambda match: f"vars.{identifier(match[1])}",
        ),
        (r"workflow\.status", lambda _: "execution.phase"),
        (r"workflow\.failures", lambda _: "execution.failures"),
        (r"workflow\.uid", lambda _: "execution.uid"),
        (r"workflow\.creationTimestamp", lambda _: "execution.startedAt"),
        (r"context\.(?:pipelineRun|taskRun)\.(name|uid|namespace)", lambda m: f"execution.{m[1]}"),
        (r"context\.(?:pipeline|task)\.name", lambda _: "workflow.name"),
        (r"github\.event\.([A-Za-z_][\w.]*)", lambda match: f"event.{match[1]}"),
        (r"github\.(?:actor|triggering_actor)", lambda _: "execution.requester"),
        (r"github\.workflow", lambda _: "workflow.name"),
        (r"github\.(?:run_id|run_number)", lambda _: "execution.uid"),
        (r"matrix\.([A-Za-z_]\w*)", lambda match: match[1]),
    )
)
_REFERENCE = re.compile(r"(?<![\w.'\"\]-])[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*")
MAX_LENGTH = 1024
"""Maximum length of a string that is translated."""

ROOTS = {
    "inputs": "the variables of a workflow are vars.NAME",
    "parameters": "the variables of a workflow are vars.NAME",
    "variables": "the variables of a workflow are vars.NAME",
    "arguments": "the variables of a workflow are vars.NAME",
    "env": "the variables of a workflow are vars.NAME",
    "secrets": "a secret is a variable of type secret, vars.NAME",
    "steps": "a node is nodes.NAME",
    "tasks": "a node is nodes.NAME",
    "needs": "a node is nodes.NAME",
    "jobs": "a node is nodes.NAME",
    "outputs": "the outputs of a node are nodes.NAME.outputs",
    "result": "the result of a condition is nodes.NAME.outputs.result",
    "item": "the parameters of a node read an item by its name in forEach.as",
    "matrix": "the parameters of a node read an item by its name in forEach.as",
    "github": "the trigger's event is event, the run is execution",
    "context": "the run is execution, its workflow is workflow",
    "self": "the node itself is nodes.NAME, in repeat.until only",
    "this": "the node itself is nodes.NAME, in repeat.until only",
    "null": "null is written none",
    "nil": "null is written none",
    "undefined": "a missing value is tested by `is defined` or `is undefined`",
}
"""Roots of references in other systems, and their equivalents."""

KEYS = {
    "status": "the status of a node is its phase, its results are its outputs",
    "result": "the status of a node is its phase, its results are its outputs",
    "results": "the results of a node are its outputs",
    "conclusion": "the status of a node is its phase",
    "outcome": "the status of a node is its phase",
    "state": "the status of a node is its phase",
    "error": "reason and message explain a failure",
    "exit_code": "it is written exitCode",
    "code": "the exit code is exitCode",
    "retries": "the number of attempts is attempts",
}
"""Keys of a node in other systems, and their equivalents."""


KEYS_OF_WORKFLOW = {
    "parameters": "the variables of a workflow are vars.NAME",
    "variables": "the variables of a workflow are vars.NAME",
    "inputs": "the variables of a workflow are vars.NAME",
    "status": "the outcome is execution.phase, known in nodes of finally only",
    "failures": "it is execution.failures, known in nodes of finally only",
    "uid": "it is execution.uid",
    "outputs": "the outputs of a node are nodes.NAME.outputs",
}
"""Keys of a workflow in other systems, and their equivalents."""


def translate(text: str) -> str:
    """A string with its references translated; unknown ones are unchanged."""
    if len(text) > MAX_LENGTH:
        return text
    return _REFERENCE.sub(lambda match: _translated(match[0]), text)


def _translated(reference: str) -> str:
    for pattern, written in _RULES:
        if found := pattern.fullmatch(reference):
            return written(found)
    return reference
