"""The custom resources on a real API server: what it takes, keeps, completes and refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.crds import KINDS
from orchestrator.models.crd import MAX_SIZE
from tests.cluster.full_manifests import FULL
from tests.kube import ROOT, Kubectl, execution, manifest, workflow

A = {"name": "a", "action": "http-request"}
B = {"name": "b", "delay": "1s"}
LEADS = {"from": "a", "to": "b"}
UID = "6a9f0b1e-0000-4000-8000-000000000000"


def of(kind: str, **spec: Any) -> dict[str, Any]:
    return manifest(kind, "wrong", spec)


def flow(**spec: Any) -> dict[str, Any]:
    return of("Workflow", **{"nodes": [A], **spec})


def node(**fields: Any) -> dict[str, Any]:
    return of("Workflow", nodes=[{"name": "a", **fields}])


def action(**fields: Any) -> dict[str, Any]:
    return of("Template", action={"image": "x", **fields})


def run(**spec: Any) -> dict[str, Any]:
    return of("WorkflowExecution", workflow="w", **spec)


def both(**spec: Any) -> dict[str, Any]:
    return of("Workflow", nodes=[A, B], **spec)


ONE_KIND = (
    "a node has exactly one of action, condition, approval, delay, workflow, transform, wait and"
    " fail"
)
EACH = {"values": "[1]", "as": "x"}
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no nodes": (of("Workflow"), "spec.nodes", "is required; write `nodes: ["),
    "an empty list of nodes": (
        of("Workflow", nodes=[]),
        "spec.nodes",
        "is required; write `nodes: [",
    ),
    "a node without a kind": (node(), "spec.nodes[0]", ONE_KIND),
    "a node of two kinds": (node(action="x", delay="1s"), "spec.nodes[0]", ONE_KIND),
    "a name with a dash": (
        of("Workflow", nodes=[{"name": "check-db", "action": "x"}]),
        "spec.nodes[0].name",
        "write 'check_db'",
    ),
    "a name in capitals": (
        of("Workflow", nodes=[{"name": "Check", "action": "x"}]),
        "spec.nodes[0].name",
        "write 'check'",
    ),
    "a name that YAML reads as a boolean": (
        of("Workflow", nodes=[{"name": "on", "action": "x"}]),
        "spec.nodes[0].name",
        "'on' cannot be a name: YAML reads it as a boolean",
    ),
    "a variable's name that YAML reads as a boolean": (
        flow(variables=[{"name": "no", "type": "string"}]),
        "spec.variables[0].name",
        "'no' cannot be a name: YAML reads it as a boolean",
    ),
    "two nodes of one name": (of("Workflow", nodes=[A, A]), "spec.nodes", "uplicate"),
    "an edge to nowhere": (
        flow(edges=[LEADS]),
        "spec.edges",
        "there is no node 'b'; the nodes are a",
    ),
    "an edge to its own node": (
        flow(edges=[{"from": "a", "to": "a"}]),
        "spec.edges[0]",
        "leads from 'a' to itself; to run a node again use repeat or retry",
    ),
    "an edge twice": (
        both(edges=[LEADS, LEADS]),
        "spec",
        "two edges have the same from, to and outcome",
    ),
    "an unknown outcome": (
        both(edges=[{**LEADS, "outcome": "Success"}]),
        "spec.edges[0].outcome",
        "Failed, Always, Then, Else, not 'Success'; did you mean 'Succeeded'?",
    ),
    "finally that names nothing": (
        flow(**{"finally": ["z"]}),
        "spec.finally",
        "there is no node 'z'; the nodes are a",
    ),
    "finally with an edge": (
        both(edges=[LEADS], **{"finally": ["b"]}),
        "spec.finally",
        "a node of finally has no edges",
    ),
    "an unknown state": (
        flow(state="Enabled"),
        "spec.state",
        "must be one of Draft, Active, Inactive, Archived, not 'Enabled'; did you mean 'Active'?",
    ),
    "an unknown onFailure": (
        flow(onFailure="Abort"),
        "spec.onFailure",
        "must be one of Finish, Stop, Cancel, not 'Abort'; did you mean 'Cancel'?",
    ),
    "a duration without a unit": (node(delay="30"), "spec.nodes[0].delay", "write 30s"),
    "a delay of nothing": (
        node(delay="0s"),
        "spec.nodes[0].delay",
        "'0s' must be longer than zero",
    ),
    "a timeout of nothing": (flow(timeout="0s"), "spec.timeout", "'0s' must be longer than zero"),
    "a fraction of a second for an action": (
        node(action="x", timeout="1500ms"),
        "spec.nodes[0].timeout",
        "the timeout of an action must be in whole seconds, not '1500ms'",
    ),
    "a timeout of a condition": (
        node(condition="true", timeout="5s"),
        "spec.nodes[0].timeout",
        "timeout belongs to action, approval, wait and workflow nodes only",
    ),
    "a retry of a delay": (
        node(delay="1s", retry={"limit": 1}),
        "spec.nodes[0].retry",
        "retry belongs to action and workflow nodes only",
    ),
    "a retry below nothing": (
        node(action="x", retry={"limit": -1}),
        "spec.nodes[0].retry.limit",
        "greater than or equal to 0",
    ),
    "a retry for an unknown reason": (
        node(action="x", retry={"limit": 1, "reasons": ["Error"]}),
        "spec.nodes[0].retry.reasons[0]",
        "must be one of Failed, TimedOut, Disrupted, not 'Error'; did you mean 'Failed'?",
    ),
    "parameters of a condition": (
        node(condition="true", **{"with": {"a": 1}}),
        "spec.nodes[0].with",
        "with belongs to action nodes only",
    ),
    "a boolean key of a parameter": (
        node(action="x", **{"with": {"true": 1}}),
        "spec.nodes[0].with",
        "a key is true or false: quote keys such as y, n, on and off",
    ),
    "a boolean key of an output": (
        node(transform={"false": "1"}),
        "spec.nodes[0].transform",
        "a key is true or false: quote keys such as y, n, on and off",
    ),
    "forEach and repeat": (
        node(action="x", forEach=EACH, repeat={"until": "true", "limit": 2}),
        "spec.nodes[0]",
        "set either forEach or repeat, not both",
    ),
    "a backoff of a fan-out": (
        node(action="x", forEach=EACH, retry={"limit": 1, "backoff": {"initial": "1s"}}),
        "spec.nodes[0].retry",
        "a fan-out's retry has no backoff and no TimedOut",
    ),
    "a repeat without a limit": (
        node(action="x", repeat={"until": "true"}),
        "spec.nodes[0].repeat.limit",
        "Required value",
    ),
    "a wait for nothing": (
        node(wait={}),
        "spec.nodes[0].wait",
        "a wait has exactly one of until and signal",
    ),
    "a wait for two things": (
        node(wait={"until": "true", "signal": "go"}),
        "spec.nodes[0].wait",
        "a wait has exactly one of until and signal",
    ),
    "an approver of no kind": (
        node(approval={"approvers": ["ana"]}),
        "spec.nodes[0].approval.approvers[0]",
        "(user|group):",
    ),
    "an approval by nobody": (
        node(approval={"approvers": []}),
        "spec.nodes[0].approval.approvers",
        "at least 1 items",
    ),
    "a secret that is bound nowhere": (
        flow(variables=[{"name": "v", "type": "secret"}]),
        "spec.variables[0]",
        "secretKeyRef is required for type secret, and not allowed for other types",
    ),
    "an unknown type": (
        flow(variables=[{"name": "v", "type": "int"}]),
        "spec.variables[0].type",
        "boolean, list, object, secret, not 'int'; did you mean 'integer'?",
    ),
    "concurrency of none": (
        flow(concurrency={"limit": 0}),
        "spec.concurrency.limit",
        "greater than or equal to 1",
    ),
    "a label of Kubernetes": (
        flow(pod={"labels": {"app.kubernetes.io/name": "x"}}),
        "spec.pod.labels",
        "labels of kubernetes.io and automation.itechsmart.dev are reserved",
    ),
    "a field that is misspelt": (node(action="x", tiemout="5s"), "spec.nodes[", "tiemout"),
    "an expression over 1 KiB": (
        node(condition="x" * 1025),
        "spec.nodes[0].condition",
        "may not be more than 1024",
    ),
    "a long name": (
        manifest("Workflow", "n" * 64, {"nodes": [A]}),
        "Workflow",
        "a Workflow's name has at most 63 characters",
    ),
    "a name with dots": (
        manifest("Workflow", "a.b.c-d", {"nodes": [A]}),
        "Workflow",
        "a Workflow's name has no dots: write a-b-c-d",
    ),
    "a template of nothing": (
        of("Template"),
        "spec",
        "a template has exactly one of action and workflow",
    ),
    "a template of two things": (
        of("Template", action={"image": "x"}, workflow={"nodes": [A]}),
        "spec",
        "a template has exactly one of action and workflow",
    ),
    "a script and a command": (
        action(script={"interpreter": "sh", "source": "x"}, command=["x"]),
        "spec.action.script",
        "set either script, or command and args, not both",
    ),
    "a privileged container": (
        action(securityContext={"privileged": True}),
        "spec.action.securityContext",
        "privileged",
    ),
    "a path of the host": (
        action(volumes=[{"name": "v", "mountPath": "/v", "hostPath": {"path": "/"}}]),
        "spec.action.volumes[",
        "hostPath",
    ),
    "a secret as an output": (
        of("Template", action={"image": "x"}, outputs=[{"name": "o", "type": "secret"}]),
        "spec.outputs[0].type",
        "an output is never a secret",
    ),
    "a cluster template of nothing": (
        of("ClusterTemplate"),
        "spec",
        "a template has exactly one of action and workflow",
    ),
    "an execution of nothing": (of("WorkflowExecution"), "spec.workflow", "Required value"),
    "an unknown desiredState": (
        run(desiredState="Stopped"),
        "spec.desiredState",
        'supported values: "Running", "Paused", "Cancelled", "Terminated"',
    ),
    "a parent without its uid": (
        run(parent={"name": "p", "node": "a", "depth": 1}),
        "spec.parent.uid",
        "Required value",
    ),
    "sub-workflows too deep": (
        run(parent={"name": "p", "uid": UID, "node": "a", "depth": 9}),
        "spec.parent.depth",
        "less than or equal to 8",
    ),
    "a chain of triggers too long": (
        run(trigger={"type": "schedule", "name": "t", "depth": 6}),
        "spec.trigger.depth",
        "less than or equal to 5",
    ),
    "a re-run of no nodes": (
        run(rerunOf={"name": "x", "from": []}),
        "spec.rerunOf.from",
        "at least 1 items",
    ),
    "an unknown decision": (
        run(decisions=[{"node": "a", "by": "ana", "decision": "Maybe"}]),
        "spec.decisions[0].decision",
        'supported values: "Approve", "Reject"',
    ),
    "a trigger of nothing": (of("Trigger"), "spec.workflow", "Required value"),
    "a trigger without a type": (
        of("Trigger", workflow="w"),
        "spec",
        "a trigger has exactly one of schedule, ",
    ),
    "a trigger of two types": (
        of("Trigger", workflow="w", execution={}, schedule={"cron": "0 3 * * *"}),
        "spec",
        "a trigger has exactly one of schedule, ",
    ),
    "an unknown severity": (
        of("Incident", title="t", severity="Urgent"),
        "spec.severity",
        "must be one of Critical, High, Medium, Low, not 'Urgent'; did you mean 'Critical'?",
    ),
    "an incident without a title": (of("Incident", severity="High"), "spec.title", "Required"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_manifest_is_refused_by_its_place_and_in_words(kubectl: Kubectl, case: str) -> None:
    raw, path, words = WRONG[case]
    text = json.dumps(raw)
    for how in (("apply",), ("apply", "--server-side")):
        refused = kubectl.attempt(*how, "-f", "-", stdin=text)
        assert refused.returncode != 0, f"{how} took it"
        assert words in refused.stderr
        assert path.removesuffix("[") in refused.stderr or how[1:]  # a key instead of an index


@pytest.mark.parametrize("which", FULL)
@pytest.mark.parametrize("how", [(), ("--server-side",)], ids=["client-side", "server-side"])
def test_a_full_manifest_comes_back_whole(
    kubectl: Kubectl, which: str, how: tuple[str, ...]
) -> None:
    raw = FULL[which]
    kind = raw["kind"]
    kubectl("apply", *how, "-f", "-", stdin=json.dumps(raw))
    stored = kubectl.get(kind, raw["metadata"]["name"])
    assert _within(raw["spec"], stored["spec"]) == []
    again = kubectl("apply", *how, "-f", "-", stdin=json.dumps(raw))
    assert "unchanged" in again or "serverside-applied" in again
    kubectl("delete", kind, raw["metadata"]["name"])


def _within(wanted: Any, stored: Any, path: str = "spec") -> list[str]:
    """Where something wanted is not stored as it was sent."""
    if isinstance(wanted, dict) and isinstance(stored, dict):
        return [
            lost
            for key, value in wanted.items()
            for lost in _within(value, stored.get(key), f"{path}.{key}")
        ]
    if isinstance(wanted, list) and isinstance(stored, list) and len(wanted) == len(stored):
        pairs = enumerate(zip(wanted, stored, strict=True))
        return [lost for i, (w, s) in pairs for lost in _within(w, s, f"{path}[{i}]")]
    return [] if wanted == stored else [f"{path}: {wanted!r} became {stored!r}"]


def test_a_full_manifest_names_every_field_of_its_kind() -> None:
    for kind in KINDS:
        named = {field.alias or name for name, field in kind.spec.model_fields.items()}
        named = {_camel(name) for name in named}
        specs = [raw["spec"] for raw in FULL.values() if raw["kind"] == kind.name]
        given = set().union(*specs) | ({"workflow"} if "Template" in kind.name else set())
        assert named <= given, f"{kind.name}: {sorted(named - given)}"


def _camel(name: str) -> str:
    first, *rest = name.strip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)


def test_defaults_are_written_out(kubectl: Kubectl) -> None:
    spec = kubectl.create(workflow("plain", nodes=[A]))["spec"]
    assert (spec["state"], spec["onFailure"], spec["finallyTimeout"]) == ("Active", "Finish", "10m")
    limited = kubectl.create(workflow("limited", nodes=[A], concurrency={}, history={}))["spec"]
    assert limited["concurrency"]["policy"] == "Queue"
    assert limited["history"] == {"succeeded": 20, "failed": 50, "keepJobs": "1h"}
    assert kubectl.create(execution("plain", "run"))["spec"]["desiredState"] == "Running"


TRANSITIONS = {
    "Running": ("Paused", "Cancelled", "Terminated"),
    "Paused": ("Running", "Cancelled", "Terminated"),
    "Cancelled": ("Terminated",),
    "Terminated": (),
}


@pytest.mark.parametrize("state", TRANSITIONS)
def test_desired_state_changes_as_the_contract_says_and_no_other_way(
    kubectl: Kubectl, state: str
) -> None:
    for wanted in TRANSITIONS:
        name = f"{state}-{wanted}".lower()
        kubectl.create(execution("w", name, desiredState=state))
        patch = json.dumps({"spec": {"desiredState": wanted}})
        done = kubectl.attempt("patch", "awfx", name, "--type=merge", "-p", patch)
        allowed = wanted == state or wanted in TRANSITIONS[state]
        assert (done.returncode == 0) is allowed, done.stderr
        if not allowed:
            assert "spec.desiredState" in done.stderr


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("workflow", "other"),
        ("variables", {"a": 2}),
        ("requester", "eve"),
        ("trigger", {"type": "schedule", "name": "u"}),
        ("parent", {"name": "q", "uid": UID, "node": "a", "depth": 1}),
        ("rerunOf", {"name": "y", "from": ["b"]}),
    ],
)
def test_what_an_execution_was_asked_for_does_not_change(
    kubectl: Kubectl, field: str, value: object
) -> None:
    kubectl.create(execution("w", "run", variables={"a": 1}))
    done = kubectl.attempt(
        "patch", "awfx", "run", "--type=merge", "-p", json.dumps({"spec": {field: value}})
    )
    assert done.returncode != 0
    assert f"{field} cannot change" in done.stderr


def test_two_thousand_nodes_and_four_thousand_edges_are_taken_and_no_more(
    kubectl: Kubectl,
) -> None:
    nodes = [{"name": f"n{i}", "action": "http-request"} for i in range(2000)]
    edges = [{"from": f"n{i}", "to": f"n{i + j}"} for j in (1, 2, 3) for i in range(1400)][:4000]
    kubectl.apply(workflow("large", nodes=nodes, edges=edges))
    for more in (
        workflow("larger", nodes=[*nodes, A]),
        workflow("larger", nodes=nodes, edges=[*edges, {"from": "n0", "to": "n1999"}]),
    ):
        done = kubectl.attempt("apply", "--server-side", "-f", "-", stdin=json.dumps(more))
        assert done.returncode != 0
        assert "must have at most" in done.stderr


def test_the_definitions_are_small_established_and_found_by_their_short_names(
    kubectl: Kubectl,
) -> None:
    for kind in KINDS:
        path = ROOT / "crds" / f"{kind.plural}.yaml"
        assert path.stat().st_size < MAX_SIZE
        stored = kubectl.get("crd", f"{kind.plural}.automation.itechsmart.dev")
        assert stored["spec"]["names"]["categories"] == ["automation"]
        states = {item["type"]: item["status"] for item in stored["status"]["conditions"]}
        assert states["Established"] == "True"
        assert "NonStructuralSchema" not in states
        kubectl("get", kind.short)
        explained = kubectl("explain", f"{kind.plural}.spec")
        assert "DESCRIPTION" in explained
        assert "<no description>" not in explained


def test_executions_are_selected_by_their_phase(kubectl: Kubectl) -> None:
    kubectl.create(execution("w", "run"))
    kubectl(
        "patch", "awfx", "run", "--subresource=status", "--type=merge",
        "-p", '{"status":{"phase":"Queued"}}',
    )  # fmt: skip
    assert "run" in kubectl("get", "awfx", "--field-selector=status.phase=Queued")
    assert "run" not in kubectl("get", "awfx", "--field-selector=status.phase=Running")


def test_a_status_is_written_as_one_and_carries_no_owner_for_each_of_its_fields(
    kubectl: Kubectl,
) -> None:
    kubectl.create(execution("w", "run"))
    status = {"phase": "Running", "reason": "Admitted", "nodes": {"a": {"phase": "Running"}}}
    for change in (status, {"nodes": {"a": {"phase": "Succeeded"}}}):
        kubectl(
            "patch", "awfx", "run", "--subresource=status", "--type=merge",
            "-p", json.dumps({"status": change}),
        )  # fmt: skip
    stored = kubectl.get("awfx", "run", "--show-managed-fields")
    owners = [each for each in stored["metadata"]["managedFields"] if "subresource" in each]
    assert [each["fieldsV1"] for each in owners] == [{"f:status": {}}]
    assert stored["status"] == status | {"nodes": {"a": {"phase": "Succeeded"}}}


def test_the_columns_say_what_goes_on(kubectl: Kubectl) -> None:
    kubectl.create(workflow("shown", nodes=[A], title="A title"))
    head, row = kubectl("get", "awf", "shown", "-o", "wide").splitlines()
    assert head.split()[:4] == ["NAME", "STATE", "READY", "REASON"]
    assert "Active" in row
    assert "A title" in row
