"""Invalid manifests, each with one mistake that newcomers make."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from tests.cluster.twelve_node_workflow import task
from tests.kube import manifest


class Reporter(Enum):
    """The validation that reports the mistake on `kubectl apply`."""

    WEBHOOK = "the admission webhook refuses it"
    WARNING = "the admission webhook warns, since what is missing may follow"
    ADVICE = "both warn: it is valid, and probably not meant"
    SCHEMA = "the schema refuses it before any validating webhook is asked"


@dataclass(frozen=True)
class Mistake:
    """An invalid manifest, the path of the invalid field, and what reports it."""

    manifest: dict[str, Any]
    path: str
    reporter: Reporter = Reporter.WEBHOOK


SECRET = {"name": "token", "type": "secret", "secretKeyRef": {"name": "s", "key": "k"}}
READY = {"name": "ready", "type": "boolean"}
WAIT = {"name": "wait", "delay": "1s"}
TWO = [task("first"), task("second")]
LEADS = {"from": "first", "to": "second"}


def _flow(*nodes: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return manifest("Workflow", "wrong", {"nodes": list(nodes), **spec})


def _condition(expression: str) -> Mistake:
    node = {"name": "only", "condition": expression}
    return Mistake(_flow(node, variables=[READY]), "spec.nodes[0].condition")


def _schedule(**fields: Any) -> dict[str, Any]:
    return manifest(
        "Trigger", "wrong", {"workflow": "w", "schedule": {"cron": "0 3 * * *"} | fields}
    )


def _template(**fields: Any) -> dict[str, Any]:
    action = {"image": "example.com/a:1", "command": ["a"]}
    return manifest("Template", "wrong", {"action": action | fields})


MISTAKES: dict[str, Mistake] = {
    "an expression in brackets where it stands bare": _condition("$[[ vars.ready ]]"),
    "one equals sign": _condition("vars.ready = true"),
    "and as in C": _condition("vars.ready && vars.ready"),
    "a variable misspelt": _condition("vars.raedy"),
    "a parameter misspelt": Mistake(_flow(task("only", mesage="x")), "spec.nodes[0].with.mesage"),
    "braces of another template language": Mistake(
        _flow(task("only", message="{{ vars.ready }}"), variables=[READY]),
        "spec.nodes[0].with.message",
        Reporter.ADVICE,
    ),
    "an output misspelt": Mistake(
        _flow(
            task("first"), task("second", message="$[[ nodes.first.outputs.vlaue ]]"), edges=[LEADS]
        ),
        "spec.nodes[1].with.message",
    ),
    "a node that may not have ended": Mistake(
        _flow(task("first", message="$[[ nodes.second.phase ]]"), task("second")),
        "spec.nodes[0].with.message",
    ),
    "a secret inside a text": Mistake(
        _flow(task("only", message="token $[[ vars.token ]]"), variables=[SECRET]),
        "spec.nodes[0].with.message",
    ),
    "a sub-workflow misspelt": Mistake(
        _flow({"name": "only", "workflow": {"name": "gret"}}),
        "spec.nodes[0].workflow.name",
        Reporter.ADVICE,
    ),
    "edges in a circle": Mistake(
        _flow(*TWO, edges=[LEADS, {"from": "second", "to": "first"}]), "spec.edges"
    ),
    "an action misspelt": Mistake(
        _flow({"name": "only", "action": "local/tsak"}), "spec.nodes[0].action", Reporter.WARNING
    ),
    "a schedule that never comes": Mistake(_schedule(cron="61 * * * *"), "spec.schedule.cron"),
    "a time zone misspelt": Mistake(_schedule(timeZone="Europe/Berln"), "spec.schedule.timeZone"),
    "a parameter of a Template that it does not declare": Mistake(
        _template(env=[{"name": "A", "value": "$[[ params.x ]]"}]), "spec.action.env[0].value"
    ),
    "a field misspelt": Mistake(
        _flow({"name": "only", "acton": "local/task"}), "spec.nodes[0]", Reporter.SCHEMA
    ),
    "a name with a dash": Mistake(_flow(task("check-db")), "spec.nodes[0].name", Reporter.SCHEMA),
    "a duration without a unit": Mistake(
        _flow({**task("only"), "timeout": "30"}), "spec.nodes[0].timeout", Reporter.SCHEMA
    ),
    "a node of two kinds": Mistake(
        _flow({**task("only"), "delay": "1s"}), "spec.nodes[0]", Reporter.SCHEMA
    ),
    "a node without a kind": Mistake(_flow({"name": "only"}), "spec.nodes[0]", Reporter.SCHEMA),
    "an edge to nowhere": Mistake(
        _flow(WAIT, edges=[{"from": "wait", "to": "wiat"}]), "spec.edges", Reporter.SCHEMA
    ),
    "an outcome misspelt": Mistake(
        _flow(*TWO, edges=[{**LEADS, "outcome": "Success"}]),
        "spec.edges[0].outcome",
        Reporter.SCHEMA,
    ),
    "a state misspelt": Mistake(_flow(WAIT, state="Enabled"), "spec.state", Reporter.SCHEMA),
    "no nodes": Mistake(manifest("Workflow", "wrong", {}), "spec.nodes", Reporter.SCHEMA),
}
"""Each mistake by its description."""
