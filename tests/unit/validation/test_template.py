"""Wrong Templates, and what their authors are told."""

from __future__ import annotations

import pytest
import yaml

from orchestrator.jobs.attempt import ExecutionIdentity, NodeJob
from orchestrator.jobs.build import template_scope
from orchestrator.models.template import TemplateSpec
from orchestrator.validation.parse import parse
from orchestrator.validation.template import RULES, validate_template


def problems(text: str) -> list[str]:
    """All that is wrong with a Template, in words."""
    found = parse(TemplateSpec, yaml.safe_load(text))
    assert isinstance(found, TemplateSpec), found
    return [str(problem) for problem in validate_template(found)]


PARAMETERS = "parameters: [{name: url, type: string}, {name: token, type: secret}]\n"


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("{}", "spec", "exactly one of action and workflow"),
        (
            "{action: {}, parameters: [{name: url, type: string}, {name: uRL, type: string}]}",
            "spec.parameters[1].name",
            "'uRL' and 'url' would both be the environment variable PARAM_URL",
        ),
        (
            "{action: {}, parameters: [{name: 'no', type: string}]}",
            "spec.parameters[0].name",
            "YAML reads it as a boolean",
        ),
        (
            "{action: {}, parameters: [{name: a, type: integer, default: x}]}",
            "spec.parameters[0].default",
            "must be an integer",
        ),
        (
            "{action: {}, parameters: [{name: a, type: secret, default: x}]}",
            "spec.parameters[0].default",
            "the value of a secret",
        ),
        (
            "{action: {}, outputs: [{name: a, type: secret}]}",
            "spec.outputs[0].type",
            "cannot be a secret",
        ),
        (
            "{action: {}, outputs: [{name: a, type: string}, {name: a, type: string}]}",
            "spec.outputs[1].name",
            "an output 'a' already exists",
        ),
        (
            "{action: {script: {source: x}, args: [y]}}",
            "spec.action.args",
            "a script, or command and args",
        ),
        ("{action: {env: [{name: PARAM_X}]}}", "spec.action.env[0].name", "set by the operator"),
        ("{action: {env: [{name: OUTPUTS}]}}", "spec.action.env[0].name", "set by the operator"),
        (
            "{action: {env: [{name: A}, {name: A}]}}",
            "spec.action.env[1].name",
            "a variable 'A' already exists",
        ),
        (
            "{action: {env: [{name: A, value: b, valueFrom: {fieldRef: {fieldPath: c}}}]}}",
            "spec.action.env[0]",
            "either value or valueFrom",
        ),
        (
            "{action: {env: [{name: A, valueFrom: {}}]}}",
            "spec.action.env[0].valueFrom",
            "exactly one of secretKeyRef, configMapKeyRef and fieldRef",
        ),
        (
            "{action: {envFrom: [{}]}}",
            "spec.action.envFrom[0]",
            "exactly one of configMapRef and secretRef",
        ),
        (
            "{action: {volumes: [{name: a, mountPath: /a}]}}",
            "spec.action.volumes[0]",
            "exactly one of emptyDir",
        ),
        (
            "{action: {volumes: [{name: a, mountPath: /a, emptyDir: {}},"
            " {name: b, mountPath: /a/, emptyDir: {}}]}}",
            "spec.action.volumes[1].mountPath",
            "a volume at '/a' already exists",
        ),
        (
            "{action: {volumes: [{name: a, mountPath: /, emptyDir: {}}]}}",
            "spec.action.volumes[0].mountPath",
            "cannot be mounted over",
        ),
        (
            "{action: {terminationGracePeriod: 0s}}",
            "spec.action.terminationGracePeriod",
            "longer than zero",
        ),
        (
            PARAMETERS + "action: {args: ['$[[ params.ulr ]]']}",
            "spec.action.args[0]",
            "there is no parameter 'ulr'; did you mean 'url'?",
        ),
        (
            PARAMETERS + "action: {env: [{name: A, value: '$[[ params.token ]]'}]}",
            "spec.action.env[0].value",
            "it reaches the container as $PARAM_TOKEN only",
        ),
        ("action: {image: '$[[ runner.img ]]'}", "spec.action.image", "did you mean 'image'?"),
        ("action: {command: ['$[[ vars.x ]]']}", "spec.action.command[0]", "a Template has params"),
        ("action: {args: ['$[[ x']}", "spec.action.args[0]", "has no ]] that closes it"),
        (
            "action: {volumes: [{name: a, mountPath: '/$[[ node.name ]]', emptyDir: {}}]}",
            "spec.action.volumes[0].mountPath",
            "rendered in image, command, args, env, workingDir only",
        ),
    ],
)
def test_a_wrong_template_says_where_and_what(text: str, path: str, words: str) -> None:
    found = problems(text)
    assert any(p.startswith(f"{path}: ") and words in p for p in found), found


@pytest.mark.parametrize(
    "text",
    [
        PARAMETERS + "action: {image: '$[[ runner.image ]]', args: [action, '$[[ params.url ]]',"
        " '$[[ execution.uid ]]-$[[ node.name ]]', '$$[[ literal ]]']}",
        "action: {script: {interpreter: bash, source: 'if [[ $[[ x ]]; then'}}",
    ],
)
def test_a_right_template_has_no_problems(text: str) -> None:
    assert problems(text) == []


def test_all_that_a_job_is_built_with_can_be_referred_to() -> None:
    scope = template_scope(
        NodeJob("check", 1, 0, {}, timeout_seconds=60),
        ExecutionIdentity("run", "default", "u-1", "main"),
        "runner:1",
        index=0,
    )
    known = [
        f"{root}.{key}" if key else root
        for root, value in scope.items()
        for key in (value if isinstance(value, dict) and value else [""])
    ]
    assert {"node.attempt", "node.iteration", "runner.image", "index"} <= set(known)
    args = [f"$[[ {reference} ]]" for reference in known]
    assert problems(yaml.safe_dump({"action": {"args": args}})) == []


def test_each_rule_says_what_it_asks() -> None:
    assert all(rule.__doc__ for rule in RULES)


@pytest.mark.parametrize(
    "field",
    [
        "hostNetwork: true",
        "hostPID: true",
        "hostIPC: true",
        "hostUsers: true",
        "podSpecPatch: '{}'",
        "initContainers: [{name: a, image: b}]",
        "sidecars: [{name: a, image: b}]",
        "volumes: [{name: a, mountPath: /a, hostPath: {path: /}}]",
        "volumes: [{name: a, mountPath: /a, projected: {sources: []}}]",
        "securityContext: {privileged: true}",
        "securityContext: {allowPrivilegeEscalation: true}",
        "securityContext: {capabilities: {add: [SYS_ADMIN]}}",
        "lifecycle: {postStart: {exec: {command: [x]}}}",
        "automountServiceAccountToken: true",
        "nodeName: control-plane",
    ],
)
def test_no_field_of_a_pod_is_taken_that_is_not_on_the_list(field: str) -> None:
    found = parse(TemplateSpec, yaml.safe_load(f"{{action: {{{field}}}}}"))
    assert isinstance(found, list), found
    assert all(str(problem).startswith("spec.action") for problem in found)


def test_a_template_has_at_most_five_hundred_expressions() -> None:
    lines = ["$[[ node.name ]]" * 100] * 5
    spec = TemplateSpec.model_validate({"action": {"command": ["true"], "args": lines}})
    assert validate_template(spec) == []
    more = TemplateSpec.model_validate({"action": {"command": ["$[[ node.name ]]"], "args": lines}})
    assert [str(problem) for problem in validate_template(more)] == [
        "spec.action: has more than 500 expressions"
    ]


@pytest.mark.parametrize(
    ("right", "path"),
    [
        ('{apiGroups: [""], resources: ["*"], verbs: [get]}', "spec.rights[0].resources[0]"),
        ('{apiGroups: [""], resources: [pods], verbs: ["*"]}', "spec.rights[0].verbs[0]"),
        ('{apiGroups: ["*"], resources: [pods], verbs: [get]}', "spec.rights[0].apiGroups[0]"),
        ('{apiGroups: [""], resources: [pods], verbs: []}', "spec.rights[0].verbs"),
        ('{apiGroups: [""], resources: [pods]}', "spec.rights[0].verbs"),
        ("{resources: [pods], verbs: [get], scope: Any}", "spec.rights[0].scope"),
    ],
)
def test_a_right_names_its_groups_resources_and_verbs(right: str, path: str) -> None:
    found = parse(TemplateSpec, yaml.safe_load(f"{{action: {{}}, rights: [{right}]}}"))
    assert isinstance(found, list)
    assert path in [problem.path for problem in found]
