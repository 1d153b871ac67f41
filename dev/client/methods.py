"""Methods for the operations of an OpenAPI description."""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dev.client.shapes import PREFIX, Schema, Shapes, identifier

NAMES = {
    "list_executions_of_workflow": "list_of_workflow",
    "list_nodes_of_execution": "nodes",
    "read_node_of_execution": "node",
    "send_signal": "signal",
    "decide_approval": "decide",
    "stream_events": "events",
    "read_logs": "logs",
    "read_logs_of_execution": "all_logs",
    "list_triggers_of_workflow": "list_of_workflow",
    "create_trigger_of_workflow": "create_of_workflow",
    "try_trigger": "test",
    "try_action": "test",
    "list_next_times": "next_times",
    "list_events_of_trigger": "events",
    "read_metrics_of_workflow": "metrics",
    "list_revisions": "revisions",
    "read_revision": "revision",
    "validate_manifest": "validate_manifest",
    "import_workflows": "import_manifests",
    "add_node_to_workflow": "add_node",
    "replace_node_of_workflow": "replace_node",
    "remove_node_from_workflow": "remove_node",
    "add_edge_to_workflow": "add_edge",
    "remove_edge_from_workflow": "remove_edge",
    "set_layout_of_workflow": "set_layout",
    "read_node": "get_node",
    "list_node_types": "nodes",
    "list_trigger_types": "triggers",
    "list_action_types": "actions",
    "read_dashboard": "dashboard",
    "read_overview": "overview",
    "draw_workflow": "graph",
    "draw_execution": "graph",
}
"""The methods of routes whose own name does not say it in few words."""
VERSIONED = ("Workflow", "WorkflowExecution", "Trigger", "Template", "GraphNode", "GraphEdge",
             "RemovedNode", "LayoutOfNodes")  # fmt: skip
"""The answers that have an ETag."""
TAKE_IF_MATCH = ("activate_workflow", "deactivate_workflow", "archive_workflow",
                 "add_node_to_workflow", "add_edge_to_workflow")  # fmt: skip
"""The routes of POST that take If-Match; those of PUT, PATCH and DELETE do."""
SAME_TWICE = (
    "activate_workflow", "deactivate_workflow", "archive_workflow", "validate_workflow",
    "validate_manifest", "import_workflows", "pause_execution", "resume_execution",
    "cancel_execution", "suspend_trigger", "resume_trigger", "try_trigger", "try_action",
)  # fmt: skip
"""The routes of POST that have the same effect once and twice."""
_OF_NAMES = "The namespace of a name without one."


@dataclass(frozen=True)
class Parameter:
    """A parameter of a method."""

    name: str
    field: str
    """Its name in the request."""
    type: str
    required: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.type}" + ("" if self.required else " | None = None")


@dataclass(frozen=True)
class Operation:
    """A route of the API."""

    method: str
    path: str
    route: Mapping[str, Any]

    @property
    def function(self) -> str:
        """The name of the function that serves it."""
        suffix = re.sub(r"\W", "_", self.path) + f"_{self.method.lower()}"
        return str(self.route["operationId"]).removesuffix(suffix)

    @property
    def resource(self) -> str:
        """The resource of the client whose method it is."""
        tag = str(self.route["tags"][0])
        if tag == "templates and actions":
            return self.path.split("/")[2]
        return "graph" if tag == "nodes and edges" else tag

    @property
    def name(self) -> str:
        """The name of the method."""
        noun = self.resource.removesuffix("s")
        name = re.sub(rf"_{noun}s?$", "", self.function)
        return NAMES.get(self.function, "get" if name == "read" else name)

    @property
    def answer(self) -> Mapping[str, Any]:
        """The media types of the answer, with their schemas."""
        found = next(self.route["responses"][one] for one in ("201", "200", "204")
                     if one in self.route["responses"])  # fmt: skip
        content: Mapping[str, Any] = found.get("content") or {}
        return content


def method_of(operation: Operation, shapes: Shapes) -> str:
    """The source of the method of an operation."""
    return "\n".join(_Method(operation, shapes).lines())


class _Method:
    def __init__(self, operation: Operation, shapes: Shapes) -> None:
        self._operation = operation
        self._shapes = shapes
        self._listed = operation.route.get("parameters") or []
        self._body = _body_of(operation.route)
        described = operation.route["description"]
        self._takes_version = (
            operation.method in ("PUT", "PATCH", "DELETE") or operation.function in TAKE_IF_MATCH
        )
        self._needs_version = "Needs `If-Match`" in described
        self._keyed = any(one["name"] == "Idempotency-Key" for one in self._listed)

    def lines(self) -> Iterator[str]:
        operation = self._operation
        kind, result, call = self._result()
        path = self._path()
        yield f"    {kind} {operation.name}({self._signature()}) -> {result}:"
        yield self._docstring()
        query = ", ".join(f'"{one.field}": {one.name}' for one in self._query())
        if call == "Pages":
            yield f"        return Pages(self._transport, {path}, {{{query}}})"
            return
        arguments = [f'"{operation.method}"', path, f"{{{query}}}", *self._sent()]
        yield f"        request = self._request({', '.join(arguments)})"
        yield f"        {call}"

    def _result(self) -> tuple[str, str, str]:
        """The kind of function, its type, and its last statement."""
        answer = self._operation.answer
        if "text/event-stream" in answer:
            send = "return self._events(request, last_event_id or '')"
            return "def", "AsyncIterator[Event]", send
        if self._operation.path.endswith("/logs"):
            return "def", "AsyncIterator[str]", "return self._lines(request)"
        if not answer:
            return "async def", "None", "await self._read(request)"
        if "application/json" not in answer:
            return "async def", "str", "return await self._text(request)"
        name = str(answer["application/json"]["schema"]["$ref"]).removeprefix(PREFIX)
        if any(one["name"] == "page" for one in self._listed):
            return "def", f"Pages[{self._shapes.of(_ref(name.removesuffix('List')), '')}]", "Pages"
        shape = self._shapes.of(_ref(name), name)
        if name in VERSIONED or (name == "Items" and self._operation.resource == "graph"):
            return "async def", f"Stored[{shape}]", "return await self._stored(request)"
        return (
            "async def",
            shape,
            f"value: {shape} = await self._read(request)\n        return value",
        )

    def _signature(self) -> str:
        named = [str(one) for one in self._query() + self._fields()]
        if self._body is not None and not self._is_expanded():
            named.insert(0, f"body: {self._shapes.of(self._body, 'Body')}")
        if self._takes_version:
            named.append("if_match: str" + ("" if self._needs_version else " | None = None"))
        if self._keyed:
            named.append("idempotency_key: str | None = None")
        if any(one["name"] == "Last-Event-ID" for one in self._listed):
            named.append("last_event_id: str | None = None")
        placed = [f"{each}: str" for each in self._segments().values()]
        if named and named[0].startswith("body:"):
            placed.append(named.pop(0))
        return ", ".join(["self", *placed, *(["*", *named] if named else [])])

    def _segments(self) -> dict[str, str]:
        """The parameters of the path, and their names: that of `{id}` says of what it is."""
        parts = self._operation.path.split("/")
        found = {}
        for before, part in itertools.pairwise(parts):
            if part.startswith("{"):
                name = part.strip("{}")
                found[name] = before.removesuffix("s") if name == "id" else identifier(name)
        return found

    def _path(self) -> str:
        path = self._operation.path.removeprefix("/automation")
        for field, name in self._segments().items():
            path = path.replace(f"{{{field}}}", f"{{segment({name})}}")
        return f'f"{path}"' if "{" in path else f'"{path}"'

    def _query(self) -> list[Parameter]:
        found = []
        for one in self._listed:
            if one["in"] == "query":
                schema = one["schema"]
                made = self._shapes.of(schema, one["name"])
                if schema.get("type") == "array":
                    inner = self._shapes.of(schema["items"], one["name"])
                    made = f"{inner} | Sequence[{inner}]"
                name, required = identifier(one["name"]), bool(one.get("required"))
                found.append(Parameter(name, one["name"], _argument(made), required))
        return found

    def _is_expanded(self) -> bool:
        name = str((self._body or {}).get("$ref", "")).removeprefix(PREFIX)
        return bool(name) and not name.endswith(("Manifest", "Patch"))

    def _fields(self) -> list[Parameter]:
        """The fields of the body as parameters."""
        if self._body is None or not self._is_expanded():
            return []
        taken = {one.name for one in self._query()}
        required = self._schema().get("required") or ()
        found = []
        for field, inner in self._properties().items():
            name = identifier(field)
            made = _argument(self._shapes.of(inner, field))
            name = f"to_{name}" if name in taken else name
            found.append(Parameter(name, field, made, field in required))
        return sorted(found, key=lambda one: not one.required)

    def _schema(self) -> Schema:
        return self._shapes.schema(str((self._body or {})["$ref"]).removeprefix(PREFIX))

    def _properties(self) -> Mapping[str, Schema]:
        found: Mapping[str, Schema] = self._schema()["properties"]
        return found

    def _sent(self) -> Iterator[str]:
        """The arguments for the body and the headers."""
        if self._body is not None:
            pairs = ", ".join(f'"{one.field}": {one.name}' for one in self._fields())
            yield f"given({{{pairs}}})" if self._is_expanded() else "body"
        if self._keyed:
            yield "keyed=True, key=idempotency_key"
        if self._takes_version:
            yield "if_match=if_match"
        if self._operation.function in SAME_TWICE:
            yield "repeat=True"

    def _docstring(self) -> str:
        text = " ".join(self._operation.route["description"].split())
        text = text.replace("Needs `If-Match`.", "Needs its ETag, or `*`.")
        described = {
            identifier(one["name"]): one.get("description")
            for one in self._listed
            if one["in"] == "query" and one.get("description") != _OF_NAMES
        }
        for one in self._fields():
            described[one.name] = self._properties()[one.field].get("description")
        lines = textwrap.wrap(text, 86, break_on_hyphens=False)
        body = "\n        ".join(lines)
        named = [(name, words) for name, words in described.items() if words]
        if not named and len(lines) == 1 and len(lines[0]) < 84:
            return f'        """{body}"""'
        for name, words in named:
            wrapped = textwrap.wrap(f"`{name}`: {words}", 88, break_on_hyphens=False)
            body += "\n\n        " if (name, words) == named[0] else "\n        "
            body += "- " + "\n          ".join(wrapped)
        return f'        """{body}\n        """'


def _body_of(route: Mapping[str, Any]) -> Schema | None:
    """The schema of the body, without the null of one that may be left out."""
    if "requestBody" not in route:
        return None
    schema: Schema = route["requestBody"]["content"]["application/json"]["schema"]
    options = [one for one in schema.get("anyOf") or () if one.get("type") != "null"]
    return options[0] if len(options) == 1 else schema


def _ref(name: str) -> Schema:
    return {"$ref": f"{PREFIX}{name}"}


def _argument(made: str) -> str:
    """The type of an argument; None stands for a value that is left out."""
    made = made.removesuffix(" | None")
    return made.replace("list[", "Sequence[").replace("dict[", "Mapping[")
