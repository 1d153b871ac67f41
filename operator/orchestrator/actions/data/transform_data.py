"""transform-data: take values out of JSON by JMESPath or JSONPath."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs, Parameters, Resources
from orchestrator.actions.workspace import read_from, written_to
from orchestrator.models.base import Duration, parse_duration

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

MAX_INPUT = 8 * 1024 * 1024
"""Maximum size of the JSON that is read, in bytes."""
MAX_RESULT = 4 * 1024 * 1024
"""Maximum size of all values as JSON, in bytes."""
MAX_NODES = 100_000
"""Maximum number of values that one JSONPath selects."""

Json = Any
Query = Callable[[Json], Json]


class Language(StrEnum):
    JMESPATH = "jmespath"
    JSONPATH = "jsonpath"


class TransformData(Parameters):
    """Parameters of transform-data."""

    expressions: Annotated[
        dict[
            Annotated[str, Field(pattern="^[a-zA-Z][a-zA-Z0-9_]*$", max_length=63)],
            Annotated[str, Field(min_length=1, max_length=4096)],
        ],
        Field(min_length=1, max_length=64),
    ]
    """An expression for each value, by the name of the value."""
    language: Language = Language.JMESPATH
    """Language of the expressions: JMESPath, or JSONPath as RFC 9535 defines it."""
    json_: Annotated[dict[str, Any] | None, Field(alias="json")] = None
    """The input as an object; set one of json, items, text and file."""
    items: list[Any] | None = None
    """The input as a list."""
    text: str = ""
    """The input as a text of JSON."""
    file: Annotated[str, Field(max_length=1024)] = ""
    """The input as a file of JSON: its path relative to the workspace."""
    require_values: bool = False
    """Whether a value that is null, or a list without elements, fails the node."""
    save_as: Annotated[str, Field(max_length=1024)] = ""
    """Path of a file, relative to the workspace, that is written with the values as JSON instead of
    the output values, for what is larger than outputs may be."""
    timeout: Duration = "10s"
    """Maximum time to evaluate the expressions."""

    @model_validator(mode="after")
    def _one_input(self) -> TransformData:
        given = [self.json_ is not None, self.items is not None, bool(self.text), bool(self.file)]
        if sum(given) != 1:
            raise ValueError("set exactly one of json, items, text and file")
        return self


class TransformResult(Outputs):
    """Outputs of transform-data."""

    values: dict[str, Any] | None = None
    """The values by their names. A JSONPath that can select several values gives a list; one that
    can select only one gives the value, or null."""
    file: str = ""
    """Path of the file with the values, if saveAs is set."""
    size: int
    """Size of the values as JSON, in bytes."""


def transform_data(parameters: TransformData, context: Context) -> TransformResult:
    """Takes values out of JSON by expressions, and makes others of them."""
    queries = _compiled(parameters)
    document = _input(parameters, context)
    context.log(f"{len(queries)} expressions in {parameters.language}")
    text = _evaluated(queries, document, parse_duration(parameters.timeout))
    values = json.loads(text)
    if parameters.require_values:
        _require(values)
    context.log(f"{len(values)} values, {len(text)} bytes")
    if not parameters.save_as:
        return TransformResult(values=values, size=len(text))
    path = written_to(context, parameters.save_as, "saveAs")
    path.write_bytes(text)
    return TransformResult(file=parameters.save_as, size=len(text))


def _evaluated(queries: dict[str, Query], document: Json, seconds: float) -> bytes:
    """The values as JSON. A child process evaluates the expressions, because it can be killed
    inside a regular expression that would take years."""
    import multiprocessing

    processes = multiprocessing.get_context("fork")  # inherits queries, which cannot be pickled
    receiving, sending = processes.Pipe(duplex=False)
    child = processes.Process(target=_evaluate, args=(queries, document, sending), daemon=True)
    child.start()
    sending.close()
    try:
        if not receiving.poll(seconds):
            raise ActionError(f"the expressions take longer than {seconds:g} s", permanent=True)
        text, problem = receiving.recv()
    except EOFError:
        raise ActionError("the expressions use up the memory", permanent=True) from None
    finally:
        child.kill()
        child.join()
        receiving.close()
    if problem:
        raise ActionError(problem, permanent=True)
    return bytes(text)


def _evaluate(queries: dict[str, Query], document: Json, sending: Connection) -> None:
    """Send the values as JSON and no problem, or the problem."""
    try:
        values = {name: _value(name, query, document) for name, query in queries.items()}
        text, problem = _bounded(values), ""
    except ActionError as error:
        text, problem = b"", str(error)
    except MemoryError:
        text, problem = b"", "the expressions use up the memory"
    sending.send((text, problem))


def _compiled(parameters: TransformData) -> dict[str, Query]:
    compile_ = _jmespath if parameters.language is Language.JMESPATH else _jsonpath
    queries = {}
    for name, expression in parameters.expressions.items():
        try:
            queries[name] = compile_(expression)
        except (ValueError, RecursionError) as error:
            raise _invalid(name, error) from None
    return queries


def _jmespath(expression: str) -> Query:
    """Raises ValueError if the expression is invalid."""
    import jmespath

    query: Query = jmespath.compile(expression).search
    return query


def _jsonpath(expression: str) -> Query:
    """Raises ValueError if the expression is invalid."""
    import jsonpath

    try:
        path = jsonpath.JSONPathEnvironment(strict=True).compile(expression)
    except jsonpath.JSONPathError as error:
        raise ValueError(error.args[0]) from None

    def query(document: Json) -> Json:
        found: list[Json] = []
        try:
            for match in path.finditer(document):
                found.append(match.obj)
                if len(found) > MAX_NODES:
                    raise ValueError(f"selects more than {MAX_NODES} values")
        except jsonpath.JSONPathError as error:
            raise ValueError(error.args[0]) from None
        singular = isinstance(path, jsonpath.JSONPath) and path.singular_query()
        return (found[0] if found else None) if singular else found

    return query


def _value(name: str, query: Query, document: Json) -> Json:
    try:
        return query(document)
    except (ValueError, RecursionError) as error:
        raise _invalid(name, error) from None


def _invalid(name: str, error: Exception) -> ActionError:
    reason = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return ActionError(f"expressions.{name}: {' '.join(reason.split())[:500]}", permanent=True)


def _input(parameters: TransformData, context: Context) -> Json:
    if parameters.json_ is not None:
        return parameters.json_
    if parameters.items is not None:
        return parameters.items
    name, content = "text", parameters.text.encode()
    if parameters.file:
        path = read_from(context, parameters.file, "file")
        with path.open("rb") as file:
            name, content = "file", file.read(MAX_INPUT + 1)
    if len(content) > MAX_INPUT:
        raise ActionError(f"{name} is larger than {MAX_INPUT} bytes", permanent=True)
    try:
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ActionError(f"{name} is not JSON: {reason}", permanent=True) from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no value of JSON")


def _bounded(values: dict[str, Json]) -> bytes:
    """The values as JSON. Written in pieces: an expression of a few characters can refer to the
    same value billions of times."""
    pieces: list[str] = []
    size = 0
    for piece in json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).iterencode(values):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_RESULT:
            raise ActionError(f"the values are larger than {MAX_RESULT} bytes", permanent=True)
    return "".join(pieces).encode(errors="replace")


def _require(values: dict[str, Json]) -> None:
    for name, value in values.items():
        if value is None or value == []:
            raise ActionError(f"expressions.{name} selects no value", permanent=True)


ACTION = Action(
    name="transform-data",
    title="Transform JSON",
    category="data",
    icon="braces",
    parameters=TransformData,
    outputs=TransformResult,
    run=transform_data,
    retries=(
        "Nothing is worth a retry: invalid expressions or JSON, and values that are too large or "
        "take too long, fail at once. The same input always gives the same values."
    ),
    resources=Resources(memory_limit="512Mi"),
    example="""
        nodes:
        - name: names
          action: transform-data
          with:
            json:
              pods:
              - {name: web-1, restarts: 0}
              - {name: web-2, restarts: 7}
            expressions:
              restarted: pods[?restarts > `0`].name
              total: sum(pods[].restarts)
        - name: paths
          action: transform-data
          with:
            language: jsonpath
            text: '{"pods": [{"name": "web-1", "restarts": 0}, {"name": "web-2", "restarts": 7}]}'
            expressions:
              restarted: $.pods[?@.restarts > 0].name
              first: $.pods[0].name
    """,
)
