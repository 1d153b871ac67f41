"""Views of the store's objects: by selectors, in watches, as metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.selectors import selects

Raw = dict[str, Any]


def as_seen(
    query: Mapping[str, str], kind: str, new: Raw, old: Raw | None, version: int
) -> Raw | None:
    """An event as a watch with selectors sees it: what leaves the selection is deleted."""
    after = kind != "DELETED" and selects(query, new)
    before = old is not None and selects(query, old)
    if not after and not before:
        return None
    shown = new if after or kind == "DELETED" else old
    assert shown is not None
    what = ("MODIFIED" if before else "ADDED") if after else "DELETED"
    metadata = {**shown["metadata"], "resourceVersion": str(version)}
    return {"type": what, "object": {**shown, "metadata": metadata}}


def metadata_of(answer: Raw) -> Raw:
    """The metadata of an object or list, as for a metadata-only request."""
    if "items" in answer:  # null where there are none, as the real one has it
        return {**answer, "items": [metadata_of(item) for item in answer["items"]] or None}
    return {
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": answer["metadata"],
    }
