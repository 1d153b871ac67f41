"""The manifests that newcomers get wrong, one slip each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from tests.cluster.twelve import task
from tests.kube import manifest


class Speaker(Enum):
    """Who answers `kubectl apply` first."""

    WEBHOOK = "the admission webhook refuses it"
    WARNING = "the admission webhook warns, since what is missing may follow"
    ADVICE = "both warn: it is valid, and probably not meant"
    SCHEMA = "the schema refuses it before any validating webhook is asked"


@dataclass(frozen=True)
class Slip:
    """A wrong manifest, the field that it is wrong in, and who reports it."""

    manifest: dict[str, Any]
    path: str
    speaker: Speaker = Speaker.WEBHOOK


SECRET = {"name": "token", "type": "secret", "secretKeyRef": {"name": "s", "key": "k"}}
READY = {"name": "ready", "type": "boolean"}
WAIT = {"name": "wait", "delay": "1s"}
TWO = [task("first"), task("second")]
LEADS = {"from": "first", "to": "second"}


def _flow(*nodes: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return manifest("Workflow", "wrong", {"nodes": list(nodes), **spec})


def _condition(expression: str) -> Slip:
    node = {"name": "only", "condition": expression}
    return Slip(_flow(node, variables=[READY]), "spec.nodes[0].condition")


def _schedule(**fields: Any) -> dict[str, Any]:
    return manifest(
        "Trigger", "wrong", {"workflow": "w", "schedule": {"cron": "0 3 * * *"} | fields}
    )


def _template(**fields: Any) -> dict[str, Any]:
    action = {"image": "example.com/a:1", "command": ["a"]}
    return manifest("Template", "wrong", {"action": action | fields})


SLIPS: dict[str, Slip] = {
    "an expression in brackets where it stands bare": _condition("$[[ vars.ready ]]"),
    "one equals sign": _condition("vars.ready = true"),
    "and as in C": _condition("vars.ready && vars.ready"),
    "a variable misspelt": _condition("vars.raedy"),
    "a parameter misspelt": Slip(_flow(task("only", mesage="x")), "spec.nodes[0].with.mesage"),
    "braces of another template language": Slip(
        _flow(task("only", message="{{ vars.ready }}"), variables=[READY]),
        "spec.nodes[0].with.message",
        Speaker.ADVICE,
    ),
    "an output misspelt": Slip(
        _flow(
            task("first"), task("second", message="$[[ nodes.first.outputs.vlaue ]]"), edges=[LEADS]
        ),
        "spec.nodes[1].with.message",
    ),
    "a node that may not have ended": Slip(
        _flow(task("first", message="$[[ nodes.second.phase ]]"), task("second")),
        "spec.nodes[0].with.message",
    ),
    "a secret inside a text": Slip(
        _flow(task("only", message="token $[[ vars.token ]]"), variables=[SECRET]),
        "spec.nodes[0].with.message",
    ),
    "a sub-workflow misspelt": Slip(
        _flow({"name": "only", "workflow": {"name": "gret"}}),
        "spec.nodes[0].workflow.name",
        Speaker.ADVICE,
    ),
    "edges in a circle": Slip(
        _flow(*TWO, edges=[LEADS, {"from": "second", "to": "first"}]), "spec.edges"
    ),
    "an action misspelt": Slip(
        _flow({"name": "only", "action": "local/tsak"}), "spec.nodes[0].action", Speaker.WARNING
    ),
    "a schedule that never comes": Slip(_schedule(cron="61 * * * *"), "spec.schedule.cron"),
    "a time zone misspelt": Slip(_schedule(timeZone="Europe/Berln"), "spec.schedule.timeZone"),
    "a parameter of a Template that it does not declare": Slip(
        _template(env=[{"name": "A", "value": "$[[ params.x ]]"}]), "spec.action.env[0].value"
    ),
    "a field misspelt": Slip(
        _flow({"name": "only", "acton": "local/task"}), "spec.nodes[0]", Speaker.SCHEMA
    ),
    "a name with a dash": Slip(_flow(task("check-db")), "spec.nodes[0].name", Speaker.SCHEMA),
    "a duration without a unit": Slip(
        _flow({**task("only"), "timeout": "30"}), "spec.nodes[0].timeout", Speaker.SCHEMA
    ),
    "a node of two kinds": Slip(
        _flow({**task("only"), "delay": "1s"}), "spec.nodes[0]", Speaker.SCHEMA
    ),
    "a node without a kind": Slip(_flow({"name": "only"}), "spec.nodes[0]", Speaker.SCHEMA),
    "an edge to nowhere": Slip(
        _flow(WAIT, edges=[{"from": "wait", "to": "wiat"}]), "spec.edges", Speaker.SCHEMA
    ),
    "an outcome misspelt": Slip(
        _flow(*TWO, edges=[{**LEADS, "outcome": "Success"}]),
        "spec.edges[0].outcome",
        Speaker.SCHEMA,
    ),
    "a state misspelt": Slip(_flow(WAIT, state="Enabled"), "spec.state", Speaker.SCHEMA),
    "no nodes": Slip(manifest("Workflow", "wrong", {}), "spec.nodes", Speaker.SCHEMA),
}
"""Twenty-four, by what is wrong."""
