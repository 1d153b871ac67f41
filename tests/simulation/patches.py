"""JSON patches (RFC 6902) and nulls in typed fields, as the API server handles them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.kube.errors import ApiError
from tests.simulation import validation
from tests.simulation.views import Raw


def json_patched(plural: str, name: str, old: Raw, operations: Sequence[Mapping[str, Any]]) -> Raw:
    """The object after the operations. Raises ApiError 422 where one cannot be carried out."""
    new: Raw = copy.deepcopy(old)
    for operation in operations:
        *parents, last = [_unescaped(step) for step in operation["path"].split("/")[1:]]
        place: Any = new
        for step in parents:
            if not isinstance(place, dict) or not isinstance(place.get(step), dict):
                raise validation.invalid(plural, name, f"no such path: {operation['path']}")
            place = place[step]
        match operation["op"]:
            case "add":
                place[last] = copy.deepcopy(operation["value"])
            case "remove" | "replace" | "test" if last not in place:
                raise validation.invalid(plural, name, f"no such path: {operation['path']}")
            case "remove":
                del place[last]
            case "replace":
                place[last] = copy.deepcopy(operation["value"])
            case "test" if place[last] != operation["value"]:
                raise validation.invalid(plural, name, f"testing value {operation['path']} failed")
            case "test":
                pass
            case other:
                raise ApiError(400, "BadRequest", f"unknown operation: {other}")
    return new


def without_typed_nulls(status: Raw) -> Raw:
    """A status as the schema leaves it: a null stays only inside a value of users."""
    return {field: _typed(field, value) for field, value in status.items() if value is not None}


def _typed(field: str, value: Any) -> Any:
    if field != "nodes":
        return value
    return {
        name: {key: item for key, item in record.items() if item is not None}
        for name, record in value.items()
    }


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")
