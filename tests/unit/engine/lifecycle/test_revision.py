"""A revision is what runs: the same content is the same name, and a changed one is noticed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.engine.lifecycle import revision
from orchestrator.engine.lifecycle.revision import OtherVersionError, freeze, thaw
from orchestrator.models.template import Right
from tests.builders import IMAGE, action, template, workflow


def test_the_same_content_has_the_same_name() -> None:
    spec = workflow(action("a"))
    assert freeze("flow", spec, {"task": template()}, IMAGE) == freeze(
        "flow", spec, {"task": template()}, IMAGE
    )


def test_layout_is_no_part_of_it_and_everything_else_is() -> None:
    plain = freeze("flow", workflow(action("a")), {"task": template()}, IMAGE)
    moved = freeze("flow", workflow(action("a"), layout={"a": [1, 2]}), {"task": template()}, IMAGE)
    other_image = freeze("flow", workflow(action("a")), {"task": template()}, "example.com/other:2")
    assert plain.name == moved.name
    assert plain.name != other_image.name


def test_what_an_action_may_is_no_part_of_it() -> None:
    right = Right(api_groups=["apps"], resources=["deployments"], verbs=["get"])
    declared = template().model_copy(update={"rights": [right]})
    plain = freeze("flow", workflow(action("a")), {"task": template()}, IMAGE)
    assert freeze("flow", workflow(action("a")), {"task": declared}, IMAGE) == plain


def test_a_thawed_revision_runs_what_was_frozen() -> None:
    spec = workflow(action("a", **{"with": {"text": "x"}}), timeout="5m")
    frozen = freeze("flow", spec, {"task": template()}, IMAGE)
    compiled = thaw(frozen.name, json.loads(json.dumps(frozen.data)))
    assert compiled.spec == spec
    assert compiled.timeout == 300
    assert compiled.runner_image == IMAGE


def test_whole_floats_survive_the_api_server_giving_them_back_as_integers() -> None:
    spec = workflow(action("a", **{"with": {"count": 1.0}}))
    frozen = freeze("flow", spec, {"task": template()}, IMAGE)
    data = json.loads(json.dumps(frozen.data).replace("1.0", "1"))
    assert thaw(frozen.name, data).nodes["a"].spec.with_ == {"count": 1}


def test_a_changed_revision_is_refused() -> None:
    frozen = freeze("flow", workflow(action("a")), {"task": template()}, IMAGE)
    data = {**frozen.data, "runnerImage": "example.com/evil:1"}
    with pytest.raises(ValueError, match=rf"{frozen.name} was changed"):
        thaw(frozen.name, data)


def test_content_that_was_never_frozen_is_refused_in_words_whatever_its_name() -> None:
    deep: Any = 1
    for _ in range(2000):
        deep = [deep]
    contents: list[Any] = [
        {},
        {"workflow": {}},
        {"workflow": 5, "templates": 3},
        {"workflow": deep},
    ]
    for data in contents:
        content = b"" if data.get("workflow") is deep else revision._canonical(data)
        with pytest.raises(ValueError, match="ControllerRevision flow-"):
            thaw(revision._name("flow", content), data)


def test_what_a_newer_version_froze_is_named_as_that() -> None:
    frozen = freeze("flow", workflow(action("a")), {"task": template()}, IMAGE)
    data = json.loads(json.dumps(frozen.data))
    data["workflow"]["nodes"][0]["quarantine"] = True
    name = revision._name("flow", revision._canonical(data))
    with pytest.raises(OtherVersionError, match=r"nodes\.0\.quarantine"):
        thaw(name, data)
