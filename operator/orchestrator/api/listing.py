"""Lists: of all namespaces or of named ones, sorted, in pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import Query

from orchestrator.api.answers import shown
from orchestrator.api.clients import Caller
from orchestrator.api.problems import ProblemError
from orchestrator.kube.resources import Resource
from orchestrator.models.nearest import did_you_mean
from orchestrator.session.cluster import Raw
from orchestrator.session.errors import ForbiddenError
from orchestrator.validation.problem import Problem

MAX_LIMIT = 500
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Maximum number of items of a page.")]
Page = Annotated[
    str, Query(max_length=2048, description="The `next` of the previous page, with the same query.")
]
Labels = Annotated[
    str, Query(max_length=1024, description="A label selector, as kubectl's, such as `team=sre`.")
]
Search = Annotated[
    str,
    Query(max_length=256, description="Only objects whose name, title or description contains it."),
]
SortBy = Annotated[
    str, Query(max_length=64, description="The field to sort by; with `-` before it, descending.")
]
SortKey = Callable[[Raw], str]
SORTS: Mapping[str, SortKey] = {
    "name": lambda raw: str(raw["metadata"]["name"]),
    "namespace": lambda raw: str(raw["metadata"].get("namespace", "")),
    "created": lambda raw: str(raw["metadata"].get("creationTimestamp", "")),
}
"""The fields that every kind can be sorted by."""


def read(
    caller: Caller,
    kind: Resource,
    namespaces: Sequence[str],
    query: Mapping[str, str],
) -> tuple[list[Raw], list[str]]:
    """The objects that the caller may list, and the named namespaces in which they may not.

    Raises ProblemError or ForbiddenError if they may list none.
    """
    if not kind.namespaced:
        return caller.cluster().list(kind, query=query)["items"], []
    if not namespaces:
        try:
            return caller.cluster().list(kind, every=True, query=query)["items"], []
        except ForbiddenError as error:
            reason = getattr(error.__cause__, "message", str(error))
            fix = "name the namespaces in which you may with ?namespace="
            raise ProblemError(403, f"{reason}; {fix}") from error
    items: list[Raw] = []
    refused: list[str] = []
    refusal: ForbiddenError | None = None
    for namespace in dict.fromkeys(namespaces):
        try:
            items += caller.cluster(namespace).list(kind, query=query)["items"]
        except ForbiddenError as error:
            refused.append(namespace)
            refusal = error
    if refusal is not None and len(refused) == len(set(namespaces)):
        raise refusal
    return items, refused


def page_of(
    items: Sequence[Raw],
    refused: Sequence[str],
    sorts: Mapping[str, SortKey],
    sort: str,
    limit: int,
    page: str,
    show: Callable[[Raw], Raw] = shown,
) -> dict[str, Any]:
    """A page of the items in order. Raises ProblemError for an unknown order or page."""
    descending, field = sort.startswith("-"), sort.removeprefix("-")
    if field not in sorts:
        hint = did_you_mean(field, sorts) or f"; write one of {', '.join(sorts)}"
        message = f"there is no order {field!r}{hint}"
        raise ProblemError(422, f"sort: {message}", [Problem("query.sort", message)])

    def key(raw: Raw) -> tuple[str, str, str]:
        metadata = raw["metadata"]
        return sorts[field](raw), metadata.get("namespace", ""), metadata["name"]

    ordered = sorted(items, key=key, reverse=descending)
    if page:
        after = _position(page)
        ordered_after = [
            raw for raw in ordered if (key(raw) < after if descending else key(raw) > after)
        ]
    else:
        ordered_after = ordered
    chosen = ordered_after[:limit]
    answer: dict[str, Any] = {"items": [show(raw) for raw in chosen], "total": len(ordered)}
    if len(ordered_after) > limit:
        answer["next"] = base64.urlsafe_b64encode(orjson.dumps(key(chosen[-1]))).decode()
    if refused:
        answer["notListed"] = list(refused)
    return answer


def contains(raw: Raw, text: str) -> bool:
    """Whether the name, title or description of an object contains a text, in any case."""
    spec = raw.get("spec") or {}
    words = (raw["metadata"]["name"], spec.get("title"), spec.get("description"))
    return any(text.casefold() in str(word).casefold() for word in words if word)


def _position(page: str) -> tuple[str, str, str]:
    try:
        read = orjson.loads(base64.urlsafe_b64decode(page.encode("ascii")))
    except (ValueError, binascii.Error):
        read = None
    if not (isinstance(read, list) and len(read) == 3 and all(isinstance(x, str) for x in read)):
        message = "this is not the `next` of a page"
        raise ProblemError(422, f"page: {message}", [Problem("query.page", message)])
    return read[0], read[1], read[2]
