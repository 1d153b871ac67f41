"""The page of node kinds: what each does, from the engine's kinds, the schema and the examples."""

from __future__ import annotations

from dataclasses import dataclass

from dev.reference.examples import example
from dev.reference.markdown import block, bullets, code, page, section, sentence, table
from orchestrator.engine import graph
from orchestrator.engine.graph import NodeKind
from orchestrator.models.base import Model
from orchestrator.models.docstrings import description
from orchestrator.models.workflow import Approval, Edge, Join, Node, Outcome, SubWorkflow, Wait
from orchestrator.validation.rules.kinds import FIELDS_BY_KIND
from orchestrator.validation.subject import KINDS

_ATTEMPT = f"{graph.DEFAULT_TIMEOUT / 3600:g}h"
_START = f"{graph.DEFAULT_START_TIMEOUT / 60:g}m"
_WAIT = f"{graph.DEFAULT_WAIT_TIMEOUT / 3600:g}h"


@dataclass(frozen=True)
class _Kind:
    does: str
    outputs: str
    takes: str


_ABOUT = {
    NodeKind.ACTION: _Kind(
        "Runs a Template as a Kubernetes Job: the ClusterTemplate of this name, or the "
        "namespace's own Template as `local/NAME`. It is the only kind that makes pods. It "
        "succeeds when the container `action` exits with 0, and fails otherwise.",
        "Those that the Template declares.",
        f"Each attempt at most `timeout`, {_ATTEMPT} by default, from the start of its pod; and "
        f"`startTimeout`, {_START} by default, until its container "
        "has started.",
    ),
    NodeKind.CONDITION: _Kind(
        "Evaluates an expression that yields a boolean. It succeeds either way; edges with the "
        "outcome `Then` (the default) or `Else` lead to the branches.",
        "`result`: true or false.",
        "No time: it ends in the reconciliation that starts it.",
    ),
    NodeKind.APPROVAL: _Kind(
        "Waits until enough people approve. It fails with `Rejected` as soon as one who may "
        "decide rejects.",
        "`decision` (`Approve` or `Reject`), `by` (who decided), and `inputs` (by user) where "
        "they are asked for.",
        f"At most `timeout`, {_WAIT} by default; `onTimeout` says what then.",
    ),
    NodeKind.DELAY: _Kind(
        "Waits for a fixed time.",
        "None.",
        "Exactly the delay.",
    ),
    NodeKind.WORKFLOW: _Kind(
        "Runs another Workflow of the namespace as a sub-execution, which the parent owns. It "
        "fails when the sub-execution fails or is cancelled.",
        "Those of the sub-execution.",
        f"Each attempt at most `timeout`, {_ATTEMPT} by default, from the creation of the "
        "sub-execution.",
    ),
    NodeKind.TRANSFORM: _Kind(
        "Computes values from expressions, for later nodes.",
        "One for each key.",
        "No time: it ends in the reconciliation that starts it.",
    ),
    NodeKind.WAIT: _Kind(
        "Waits until a condition holds, or until a signal arrives. A signal that was sent before "
        "the node starts counts, and is not used up.",
        "Of a signal: `payload`, `by` and `id`. Of a condition: none.",
        f"At most `timeout`, {_WAIT} by default; then it is TimedOut.",
    ),
    NodeKind.FAIL: _Kind(
        "Fails with a message. It ends a path that was handled and is a failure all the same, for "
        "example after a rollback.",
        "None.",
        "No time: it ends in the reconciliation that starts it.",
    ),
}
_MODELS: dict[NodeKind, type[Model]] = {
    NodeKind.APPROVAL: Approval,
    NodeKind.WORKFLOW: SubWorkflow,
    NodeKind.WAIT: Wait,
}


def node_kinds() -> str:
    """Every kind of node, what all of them have in common, and how edges lead to them."""
    return page(
        "Node kinds",
        f"A node has exactly one of the keys {', '.join(map(code, KINDS))}. The page of the "
        "[Workflow](resources/workflow.md#specnodes) lists all fields with their bounds.",
        *[_kind(NodeKind(name)) for name in KINDS],
        _shared(),
        _edges(),
    )


def _kind(kind: NodeKind) -> str:
    about = _ABOUT[kind]
    text, file = example(lambda node: kind.value in node)
    model = _MODELS.get(kind)
    rows = (
        [
            (code(f"{kind.value}.{field.alias or name}"), sentence(description(model, name)))
            for name, field in model.model_fields.items()
        ]
        if model
        else []
    )
    facts = [f"**Outputs:** {about.outputs}", f"**Time:** {about.takes}"]
    source = f"From [{file}](../../manifests/examples/{file}):" if text else ""
    return section(
        code(kind.value),
        about.does,
        bullets(facts),
        table(("Field", "Meaning"), rows),
        source,
        block(text, "yaml") if text else "",
    )


def _shared() -> str:
    fields = Node.model_fields
    only = {field: kinds for field, _, kinds, _ in FIELDS_BY_KIND}
    rows = [
        (
            code(field.alias or name),
            ", ".join(map(code, only.get(field.alias or name, ()))) or "every kind",
            sentence(description(Node, name)),
        )
        for name, field in fields.items()
        if (field.alias or name) not in KINDS
    ]
    return section("Fields beside the kind", table(("Field", "Of", "Meaning"), rows))


def _edges() -> str:
    rows = [
        (code(field.alias or name), sentence(description(Edge, name)))
        for name, field in Edge.model_fields.items()
    ]
    return section(
        "Edges and joins",
        table(("Field of an edge", "Meaning"), rows),
        table(("Outcome", "The edge is taken when its source"), _OUTCOMES.items()),
        table(("Join", "The node starts"), _JOINS.items()),
        "An edge is decided when its source has ended. Skipped and cancelled sources take no "
        "edge, not even `Always`. An edge that requires success (`Succeeded`, `Then`, `Else`) "
        "blocks when its source failed without `allowFailure`, was cancelled or is itself "
        "blocked.",
    )


_OUTCOMES = {
    code(Outcome.SUCCEEDED): "succeeded, or failed with `allowFailure`; the default",
    code(Outcome.FAILED): "failed or timed out: the failure is then handled",
    code(Outcome.ALWAYS): "succeeded, failed or timed out; this does not handle a failure",
    code(Outcome.THEN): "is a condition that holds; the default for conditions",
    code(Outcome.ELSE): "is a condition that does not hold",
}
_JOINS = {
    code(Join.ALL): "when every incoming edge is decided, at least one is taken and none blocks; "
    "the default",
    code(Join.ANY): "when every incoming edge is decided and at least one is taken",
    code(Join.FIRST): "as soon as one incoming edge is taken",
}
