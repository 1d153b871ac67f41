"""A workflow compiled for running: nodes with their edges, and every default filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.engine.people.approvers import RawSpec, asking_people
from orchestrator.expressions import compile_expression, compile_text
from orchestrator.models.base import Json, parse_duration
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import (
    Backoff,
    Join,
    Node,
    Outcome,
    Retry,
    RetryReason,
    WorkflowSpec,
)

DEFAULT_TIMEOUT = 3600.0
"""Default timeout of an action's attempt, in seconds."""
DEFAULT_START_TIMEOUT = 600.0
"""Default time from an attempt's decision to the start of its container, in seconds."""
DEFAULT_WAIT_TIMEOUT = 24 * 3600.0
"""Default timeout of an approval or a wait, in seconds."""
DEFAULT_PARALLELISM = 10
"""Default number of items of a fan-out that run at the same time."""
DEFAULT_GRACE = 30.0
"""Default seconds between SIGTERM and SIGKILL (Kubernetes' own default)."""


class NodeKind(StrEnum):
    """The kinds of node that the engine runs."""

    ACTION = "action"
    CONDITION = "condition"
    APPROVAL = "approval"
    DELAY = "delay"
    WORKFLOW = "workflow"
    TRANSFORM = "transform"
    WAIT = "wait"
    FAIL = "fail"

    @property
    def attempts(self) -> bool:
        """Whether the node runs in attempts, outside the controller."""
        return self in (NodeKind.ACTION, NodeKind.WORKFLOW)

    @property
    def instant(self) -> bool:
        """Whether the node ends in the pass that starts it."""
        return self in (NodeKind.CONDITION, NodeKind.TRANSFORM, NodeKind.FAIL)


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """An edge with its outcome resolved, and its path in the manifest."""

    source: str
    target: str
    outcome: Outcome
    when: str | None
    path: str


@dataclass(frozen=True, slots=True)
class RetryRules:
    """When an attempt is repeated. In seconds."""

    limit: int
    reasons: frozenset[RetryReason]
    initial: float
    factor: float
    maximum: float


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node ready to run.

    `reads` are the nodes that its expressions name, None means any; `final` nodes are those of
    `finally`. `delay` is the time of a delay, or between the iterations of a repeat, in seconds.
    """

    name: str
    place: int
    """Its index in spec.nodes."""
    path: str
    spec: Node
    kind: NodeKind
    incoming: tuple[GraphEdge, ...]
    outgoing: tuple[GraphEdge, ...]
    template: TemplateSpec | None
    retry: RetryRules
    timeout: float
    start_timeout: float
    grace: float
    delay: float
    final: bool
    reads: frozenset[str] | None

    @property
    def join(self) -> Join:
        """When the node starts, if several edges lead to it."""
        return self.spec.join or Join.ALL

    def rounds(self, items: int) -> float:
        """Maximum duration of the fan-out without a timeout of its own, in timeouts of the node."""
        assert self.spec.for_each is not None
        if self.spec.for_each.timeout is not None:
            return parse_duration(self.spec.for_each.timeout) / self.timeout
        at_once = self.spec.for_each.parallelism or DEFAULT_PARALLELISM
        return -(-items // at_once) * (self.retry.limit + 1)

    @property
    def allow_failure(self) -> bool:
        """Whether a failure of the node counts as handled."""
        return bool(self.spec.allow_failure)


@dataclass(frozen=True, slots=True)
class Graph:
    """A workflow ready to run."""

    spec: WorkflowSpec
    nodes: Mapping[str, GraphNode]
    templates: Mapping[str, TemplateSpec]
    runner_image: str
    timeout: float | None
    finally_timeout: float
    final: tuple[str, ...]
    asking: frozenset[str]
    """Nodes that wait for a condition over others, evaluated at each change."""
    output_reads: frozenset[str] | None
    asks_people: frozenset[str] = frozenset()
    """Approvals, and sub-workflows with an approval in them at any depth."""
    hears_people: frozenset[str] = frozenset()
    """Nodes that decisions or signals end."""

    @property
    def main(self) -> int:
        """The number of nodes outside `finally`."""
        return len(self.nodes) - len(self.final)


def compile_graph(
    spec: WorkflowSpec,
    templates: Mapping[str, TemplateSpec],
    runner_image: str,
    workflows: Mapping[str, RawSpec] | None = None,
) -> Graph:
    """Compile a valid workflow; `templates` are keyed by the action names that the nodes use,
    `workflows` are the raw specs of all reachable sub-workflows by name."""
    incoming: dict[str, list[GraphEdge]] = {node.name: [] for node in spec.nodes}
    outgoing: dict[str, list[GraphEdge]] = {node.name: [] for node in spec.nodes}
    conditions = {node.name for node in spec.nodes if node.condition is not None}
    for index, edge in enumerate(spec.edges):
        default = Outcome.THEN if edge.from_ in conditions else Outcome.SUCCEEDED
        compiled = GraphEdge(
            edge.from_, edge.to, edge.outcome or default, edge.when, f"spec.edges[{index}]"
        )
        outgoing[edge.from_].append(compiled)
        incoming[edge.to].append(compiled)
    final = frozenset(spec.finally_)
    nodes = {
        node.name: _compile_node(
            node,
            index,
            spec,
            templates,
            tuple(incoming[node.name]),
            tuple(outgoing[node.name]),
            final,
        )
        for index, node in enumerate(spec.nodes)
    }
    return Graph(
        spec=spec,
        nodes=nodes,
        templates=templates,
        runner_image=runner_image,
        timeout=parse_duration(spec.timeout) if spec.timeout else None,
        finally_timeout=parse_duration(spec.finally_timeout),
        final=tuple(spec.finally_),
        asking=frozenset(node.name for node in spec.nodes if node.wait and node.wait.until),
        output_reads=_nodes_read(
            compile_expression(output.value).references for output in spec.outputs
        ),
        asks_people=asking_people(spec, workflows or {}),
        hears_people=frozenset(
            node.name for node in spec.nodes if node.approval or (node.wait and node.wait.signal)
        ),
    )


def node_kind(node: Node) -> NodeKind:
    """The kind of a node; ValueError for a kind that the engine does not run."""
    for kind in NodeKind:
        if getattr(node, kind.value) is not None:
            return kind
    raise ValueError(f"node {node.name} has no kind that can run")


def _compile_node(
    node: Node,
    index: int,
    spec: WorkflowSpec,
    templates: Mapping[str, TemplateSpec],
    incoming: tuple[GraphEdge, ...],
    outgoing: tuple[GraphEdge, ...],
    final: frozenset[str],
) -> GraphNode:
    kind = node_kind(node)
    defaults = spec.defaults if kind.attempts else None
    timeout = node.timeout or (defaults.timeout if defaults else None)
    start_timeout = node.start_timeout or (defaults.start_timeout if defaults else None)
    patient = kind in (NodeKind.APPROVAL, NodeKind.WAIT)
    delay = node.repeat.delay if node.repeat else node.delay
    template = templates[node.action] if node.action else None
    grace = template.action.termination_grace_period if template and template.action else None
    return GraphNode(
        name=node.name,
        place=index,
        path=f"spec.nodes[{index}]",
        spec=node,
        kind=kind,
        incoming=incoming,
        outgoing=outgoing,
        template=template,
        retry=_retry_rules(node.retry or (defaults.retry if defaults else None)),
        timeout=(
            parse_duration(timeout)
            if timeout
            else (DEFAULT_WAIT_TIMEOUT if patient else DEFAULT_TIMEOUT)
        ),
        start_timeout=parse_duration(start_timeout) if start_timeout else DEFAULT_START_TIMEOUT,
        grace=parse_duration(grace) if grace else DEFAULT_GRACE,
        delay=parse_duration(delay) if delay else 0.0,
        final=node.name in final,
        reads=_nodes_read(_references(node, incoming)),
    )


def _retry_rules(retry: Retry | None) -> RetryRules:
    backoff = (retry.backoff if retry else None) or Backoff()
    return RetryRules(
        limit=retry.limit if retry else 0,
        reasons=frozenset((retry.reasons if retry else None) or RetryReason),
        initial=parse_duration(backoff.initial or "2s"),
        factor=backoff.factor or 2.0,
        maximum=parse_duration(backoff.max or "5m"),
    )


Reference = tuple[str, ...]


def _references(node: Node, incoming: tuple[GraphEdge, ...]) -> Iterator[frozenset[Reference]]:
    bare = [node.condition, node.when, *(edge.when for edge in incoming)]
    bare.extend((node.transform or {}).values())
    bare.append(node.wait.until if node.wait else None)
    bare.append(node.for_each.values if node.for_each else None)
    bare.append(node.repeat.until if node.repeat else None)
    for source in bare:
        if source is not None:
            yield compile_expression(source).references
    yield from _text_references(node.with_)
    yield from _text_references(node.fail)
    yield from _text_references(node.workflow.variables if node.workflow else None)


def _text_references(value: Json) -> Iterator[frozenset[Reference]]:
    match value:
        case str():
            yield compile_text(value).references
        case list():
            for item in value:
                yield from _text_references(item)
        case dict():
            for item in value.values():
                yield from _text_references(item)
        case _:
            return


def _nodes_read(sets: Iterator[frozenset[Reference]]) -> frozenset[str] | None:
    names: set[str] = set()
    for references in sets:
        for reference in references:
            if reference[0] != "nodes":
                continue
            if len(reference) < 2:
                return None
            names.add(reference[1])
    return frozenset(names)
