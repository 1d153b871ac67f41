"""Responses: objects and lists as JSON, with their versions as ETags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from orchestrator.api.problems import ProblemError
from orchestrator.kube.decoding import dumps
from orchestrator.kube.projection import without_managed_fields
from orchestrator.session.cluster import Raw

JSON = "application/json"


def json_response(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A value as JSON."""
    return Response(dumps(value), status, headers=dict(headers or {}), media_type=JSON)


def etag_of(raw: Raw) -> str:
    """The version of an object as an entity tag; of the history, where nothing changes, its uid."""
    metadata = raw["metadata"]
    return f'"{metadata.get("resourceVersion") or metadata["uid"]}"'


def object_response(raw: Raw, request: Request | None = None, status: int = 200) -> Response:
    """An object with its ETag; 304 if the request names that version."""
    tag = etag_of(raw)
    if request is not None and tag in _tags(request.headers.get("If-None-Match", "")):
        return Response(status_code=304, headers={"ETag": tag})
    return json_response(without_managed_fields(raw), status, {"ETag": tag})


def expected_version(request: Request, *, required: bool = False) -> str:
    """The resourceVersion that If-Match names; empty for `*` or without the header.

    Raises ProblemError: 428 if it is `required` and missing, 412 if it can match no object.
    """
    header = request.headers.get("If-Match", "")
    if not header:
        if required:
            raise ProblemError(
                428,
                "this would overwrite changes of others: send If-Match with the ETag of the object"
                " as you read it, or * for any",
            )
        return ""
    tags = _tags(header)
    if tags == ["*"]:
        return ""
    if len(tags) != 1 or tags[0][:1] != '"' or not tags[0].strip('"').isdecimal():
        raise ProblemError(412, f"If-Match: {header[:64]!r} is not the ETag of an object")
    return tags[0].strip('"')


def check_version(raw: Raw, version: str) -> None:
    """Raises ProblemError 412 if the object is not at this version; empty for any."""
    metadata = raw["metadata"]
    if version and metadata["resourceVersion"] != version:
        raise ProblemError(
            412,
            f"{metadata['name']} has changed since you read it: its ETag is {etag_of(raw)},"
            f' not "{version}"; read it again',
        )


def _tags(header: str) -> list[str]:
    return [tag.strip() for tag in header.split(",") if tag.strip()]
