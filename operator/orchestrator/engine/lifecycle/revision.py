"""What an execution runs, frozen: workflow, Templates and runner image, named by the content's
hash.

Shared by all executions with that content. The name contains 128 bits of the hash of the canonical
content, so a revision that was changed by hand no longer matches its name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from orchestrator.engine.graph import Graph, compile_graph
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec

MAX_REVISION_BYTES = 1024 * 1024
"""Maximum bytes of a revision's content; etcd refuses objects over 1.5 MiB."""


class OtherVersionError(ValueError):
    """A revision that another version of the operator froze and this one cannot read."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A ControllerRevision's name and content."""

    name: str
    data: Mapping[str, Any]
    size: int


def freeze(
    workflow: str,
    spec: WorkflowSpec,
    templates: Mapping[str, TemplateSpec],
    runner_image: str,
    workflows: Mapping[str, WorkflowSpec] | None = None,
) -> Revision:
    """The revision of a workflow, with its reachable sub-workflows.

    `layout` belongs to the visual builder and is never part of it, nor are the `rights` of a
    Template, which do not change what runs.
    """
    data: dict[str, Any] = {
        "workflow": _dump(spec),
        "templates": {
            action: template.model_dump(
                mode="json", by_alias=True, exclude_unset=True, exclude={"rights"}
            )
            for action, template in sorted(templates.items())
        },
        "runnerImage": runner_image,
    }
    if workflows:
        data["workflows"] = {name: _dump(child) for name, child in sorted(workflows.items())}
    content = _canonical(data)
    return Revision(_name(workflow, content), data, len(content))


def verify(name: str, data: Any) -> None:
    """Raises ValueError if the content does not match the revision's name."""
    workflow = name.rpartition("-")[0]
    if _name(workflow, _canonical(data)) != name:
        raise ValueError(
            f"ControllerRevision {name} was changed: its content does not match its name"
        )


def thaw(name: str, data: Any) -> Graph:
    """The graph of a revision.

    ValueError if the content does not match its name, or was never frozen by an operator;
    OtherVersionError if it was frozen by a version that knows other fields.
    """
    try:
        verify(name, data)
        return compile_graph(
            WorkflowSpec.model_validate(data["workflow"]),
            {
                action: TemplateSpec.model_validate(template)
                for action, template in data["templates"].items()
            },
            data["runnerImage"],
            data.get("workflows"),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"another version of the operator wrote it: {where}: {first['msg']}"
        raise OtherVersionError(f"ControllerRevision {name}: {message}") from error
    except (AttributeError, KeyError, RecursionError, TypeError) as error:
        raise ValueError(f"ControllerRevision {name} contains no workflow") from error


def _dump(spec: WorkflowSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"layout"})


def _canonical(data: Any) -> bytes:
    return json.dumps(
        _plain(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()


def _plain(value: Any) -> Any:
    """Whole floats as integers: the API server returns 1.0 as 1."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case _:
            return value


def _name(workflow: str, content: bytes) -> str:
    return f"{workflow}-{hashlib.sha256(content).hexdigest()[:32]}"
