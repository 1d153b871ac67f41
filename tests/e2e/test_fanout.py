"""Fan-outs as real pods: every item gets its own parameters, whatever they hold."""

from __future__ import annotations

from typing import Any

import pytest

from dev.cluster.images import BUSYBOX_IMAGE
from tests.kube import Kubectl, ended, execution, manifest, workflow

NASTY = [
    "plain",
    "",
    "two\nlines\n\n",
    "tab\tand\\backslash \\n \\0 \\c",
    "'single' \"double\" `id` $(id) ${HOME} $HOME $$ $(PARAMS)",
    "percent %s %d %% * ? [a-z] ~ ! # & ; | < >",
    "ünïcödé ✓ 漢字",
    "x" * 3000,
]
ECHO = manifest(
    "Template",
    "digest",
    {
        "parameters": [{"name": "text", "type": "string", "required": True}],
        "outputs": [
            {"name": "size", "type": "integer"},
            {"name": "own", "type": "string"},
            {"name": "key", "type": "string"},
        ],
        "permanentExitCodes": [64],
        "action": {
            "image": BUSYBOX_IMAGE,
            "script": {
                "interpreter": "sh",
                "source": 'if [ "$PARAM_TEXT" = fail ]; then echo "item $OWN fails" > "$OUTPUTS"; '
                "exit 64; fi\n"
                'size=$(printf "%s" "$PARAM_TEXT" | wc -c)\n'
                'key=${CONTEXT##*\\"key\\":\\"} key=${key%%\\"*}\n'
                'printf \'{"size": %d, "own": "%s", "key": "%s"}\' "$size" "$OWN" "$key" '
                '> "$OUTPUTS"',
            },
            "env": [{"name": "OWN", "value": "$[[ index ]] of $[[ node.name ]]"}],
        },
    },
)
pytestmark = pytest.mark.usefixtures("operator")


def each(**fields: Any) -> dict[str, Any]:
    return {
        "name": "each",
        "action": "local/digest",
        "with": {"text": "$[[ item ]]"},
        "forEach": {"values": "vars.texts", "as": "item", "parallelism": 4, **fields},
    }


def run(kubectl: Kubectl, node: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    kubectl.apply(
        ECHO, workflow("fan", variables=[{"name": "texts", "type": "list"}], nodes=[node])
    )
    kubectl.create(execution("fan", "run", variables={"texts": texts}))
    raw = ended(kubectl, "run")
    status: dict[str, Any] = raw["status"]
    return {**status, "uid": raw["metadata"]["uid"]}


def test_every_item_is_given_its_own_parameters_and_outputs_are_gathered(
    kubectl: Kubectl,
) -> None:
    status = run(kubectl, each(gather=["size", "own", "key"]), NASTY)
    record = status["nodes"]["each"]
    assert record["phase"] == "Succeeded", record
    assert record["outputs"]["size"] == [len(text.encode()) for text in NASTY]
    assert record["outputs"]["own"] == [f"{i} of each" for i in range(len(NASTY))]
    keys = [f"{status['uid']}/each/0/{i}" for i in range(len(NASTY))]
    assert record["outputs"]["key"] == keys
    assert (record["items"], record["completed"]) == (len(NASTY), f"0-{len(NASTY) - 1}")
    (job,) = kubectl.get("jobs")["items"]
    assert job["spec"]["completionMode"] == "Indexed"


def test_failed_items_are_forgiven_up_to_max_failed_and_named_beyond(kubectl: Kubectl) -> None:
    status = run(kubectl, each(maxFailed=1, gather=["size"]), ["a", "fail", "ccc"])
    record = status["nodes"]["each"]
    assert record["phase"] == "Succeeded", record
    assert record["outputs"]["size"] == [1, None, 3]
    assert (record["completed"], record["failed"]) == ("0,2", "1")
    kubectl("delete", "awfx", "run")
    failed = run(kubectl, each(), ["a", "fail"])["nodes"]["each"]
    assert (failed["phase"], failed["reason"]) == ("Failed", "ItemsFailed")
    assert "item 1: item 1 of each fails" in failed["message"]
