"""Lists: of all namespaces or of named ones, sorted, in pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import Query

from orchestrator.api.clients import Caller
from orchestrator.api.problems import ProblemError
from orchestrator.history.keys import Key
from orchestrator.kube.projection import without_managed_fields
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
    project: Callable[[Raw], Raw] = without_managed_fields,
) -> tuple[list[Raw], list[str]]:
    """The objects that the caller may list, as far as `project` keeps them, and the named
    namespaces in which they may not.

    Raises ProblemError or ForbiddenError if they may list none.
    """
    if not kind.namespaced:
        return [*caller.cluster().list_in_part(kind, project, query=query)], []
    if not namespaces:
        try:
            return [*caller.cluster().list_in_part(kind, project, every=True, query=query)], []
        except ForbiddenError as error:
            reason = getattr(error.__cause__, "message", str(error))
            fix = "name the namespaces in which you may with ?namespace="
            raise ProblemError(403, f"{reason}; {fix}") from error
    items: list[Raw] = []
    refused: list[str] = []
    refusal: ForbiddenError | None = None
    for namespace in dict.fromkeys(namespaces):
        try:
            items += caller.cluster(namespace).list_in_part(kind, project, query=query)
        except ForbiddenError as error:
            refused.append(namespace)
            refusal = error
    if refusal is not None and len(refused) == len(set(namespaces)):
        raise refusal
    return items, refused


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted."""

    field: str
    descending: bool
    key: SortKey

    def place(self, raw: Raw) -> Key:
        """The place of an object in the list."""
        metadata = raw["metadata"]
        namespace, uid = metadata.get("namespace", ""), metadata.get("uid", "")
        return Key(self.key(raw), namespace, metadata["name"], uid)

    def follows(self, place: Key, after: Key | None) -> bool:
        """Whether a place is on the pages after another."""
        return after is None or (place < after if self.descending else place > after)


@dataclass(frozen=True, slots=True)
class More:
    """Items that are not among those that were read: at least as many as a page has and one, if
    there are."""

    items: Sequence[tuple[Key, Raw]] = ()
    """Those after the previous page."""
    total: int = 0
    """How many there are in the whole list."""


def order_of(sorts: Mapping[str, SortKey], sort: str) -> Order:
    """The order that a request asks for. Raises ProblemError if it is unknown."""
    field = sort.removeprefix("-")
    if field not in sorts:
        hint = did_you_mean(field, sorts) or f"; write one of {', '.join(sorts)}"
        message = f"there is no order {field!r}{hint}"
        raise ProblemError(422, f"sort: {message}", [Problem("query.sort", message)])
    return Order(field, sort.startswith("-"), sorts[field])


def page_of(
    items: Sequence[Raw],
    refused: Sequence[str],
    sorts: Mapping[str, SortKey],
    sort: str,
    limit: int,
    page: str,
) -> dict[str, Any]:
    """A page of the items in order. Raises ProblemError for an unknown order or page."""
    return page_after(items, refused, order_of(sorts, sort), limit, place_of(page))


def page_after(
    items: Sequence[Raw],
    refused: Sequence[str],
    order: Order,
    limit: int,
    after: Key | None,
    show: Callable[[Raw], Raw] = without_managed_fields,
    more: More = More(),
) -> dict[str, Any]:
    """The page of the items, and of `more`, that follows a place."""
    places = [(order.place(raw), raw) for raw in items]
    following = [one for one in places if order.follows(one[0], after)]
    following += more.items
    following.sort(key=lambda one: one[0], reverse=order.descending)
    chosen = following[:limit]
    answer: dict[str, Any] = {
        "items": [show(raw) for _, raw in chosen],
        "total": len(items) + more.total,
    }
    if len(following) > limit:
        answer["next"] = base64.urlsafe_b64encode(orjson.dumps([*chosen[-1][0]])).decode()
    if refused:
        answer["notListed"] = list(refused)
    return answer


def contains(raw: Raw, text: str) -> bool:
    """Whether the name, title or description of an object contains a text, in any case."""
    spec = raw.get("spec") or {}
    words = (raw["metadata"]["name"], spec.get("title"), spec.get("description"))
    return any(text.casefold() in str(word).casefold() for word in words if word)


def place_of(page: str) -> Key | None:
    """The last place of the previous page, from its `next`; None for the first page.

    Raises ProblemError if it is none.
    """
    if not page:
        return None
    try:
        read = orjson.loads(base64.urlsafe_b64decode(page.encode("ascii")))
    except (ValueError, binascii.Error):
        read = None
    if not (isinstance(read, list) and len(read) == 4 and all(map(_is_word, read))):
        raise no_page()
    return Key(*read)


def no_page() -> ProblemError:
    """The error for a page that is none."""
    message = "this is not the `next` of a page"
    return ProblemError(422, f"page: {message}", [Problem("query.page", message)])


def _is_word(part: object) -> bool:
    return isinstance(part, str) and "\0" not in part
