"""AdmissionReview v1: requests of the API server, and the answers.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from orchestrator.kube.decoding import loads
from orchestrator.models.base import GROUP
from orchestrator.models.plain_text import plain_text

API_VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"
MAX_WARNINGS = 10
"""Maximum number of warnings in one answer: the API server drops what exceeds 4 KiB in total."""

Raw = dict[str, Any]


class BadReviewError(ValueError):
    """The request is not an AdmissionReview; the message says which field is wrong, and what it
    must be."""


@dataclass(frozen=True, slots=True)
class Request:
    """The object to review."""

    uid: str
    group: str
    kind: str
    operation: str
    """CREATE, UPDATE, DELETE or CONNECT."""
    subresource: str
    namespace: str | None
    object: Raw | None
    """The object as it would be stored; None for operations without one."""

    @property
    def name(self) -> str:
        """The object's name, or the prefix of its generated name."""
        metadata = _mapping((self.object or {}).get("metadata"))
        return str(metadata.get("name") or metadata.get("generateName") or "")

    @property
    def spec(self) -> Any:
        """The object's spec."""
        return (self.object or {}).get("spec")

    @property
    def concerns_us(self) -> bool:
        """Whether it writes an object of one of our kinds."""
        writes = self.operation in ("CREATE", "UPDATE") and not self.subresource
        return writes and self.group == GROUP and self.object is not None


@dataclass(frozen=True, slots=True)
class ReviewResponse:
    """The answer to a review."""

    refusal: str = ""
    """Why the object is refused, one line per problem; empty if it is allowed."""
    warnings: tuple[str, ...] = ()
    """Shown to the user who applies it, whether it is allowed or not."""


ALLOWED = ReviewResponse()


def read_review(body: bytes) -> Request:
    """The request in an AdmissionReview. Raises BadReviewError."""
    try:
        review = loads(body)
    except (ValueError, RecursionError) as error:
        raise BadReviewError(f"the body is not JSON: {error}") from error
    if not isinstance(review, dict):
        raise BadReviewError(f"the body must be an object: an {KIND} of {API_VERSION}")
    for field, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        if review.get(field) != wanted:
            given = str(review.get(field))[:64]
            raise BadReviewError(f"{field}: must be {wanted}, not {given}")
    request = review.get("request")
    if not isinstance(request, dict):
        raise BadReviewError("request: must be an object")
    kind = request.get("kind")
    if not isinstance(kind, dict):
        raise BadReviewError("request.kind: must be an object with group, version and kind")
    raw = request.get("object")
    if raw is not None and not isinstance(raw, dict):
        raise BadReviewError("request.object: must be an object or null")
    return Request(
        uid=_string(request, "uid", "request.uid", required=True),
        group=_string(kind, "group", "request.kind.group"),
        kind=_string(kind, "kind", "request.kind.kind", required=True),
        operation=_string(request, "operation", "request.operation", required=True),
        subresource=_string(request, "subResource", "request.subResource"),
        namespace=_string(request, "namespace", "request.namespace") or None,
        object=raw,
    )


def write_review(uid: str, verdict: ReviewResponse) -> bytes:
    """The AdmissionReview that answers the request with this uid."""
    response: Raw = {"uid": uid, "allowed": not verdict.refusal}
    if verdict.refusal:
        message = plain_text(verdict.refusal)
        response["status"] = {"code": 422, "reason": "Invalid", "message": message}
    if verdict.warnings:
        # A warning is sent in an HTTP header: one line, without control characters.
        shown = [plain_text(" ".join(text.split())) for text in verdict.warnings]
        more = len(shown) - MAX_WARNINGS
        rest = [f"and {more} more warnings"] if more > 0 else []
        response["warnings"] = shown[:MAX_WARNINGS] + rest
    return orjson.dumps({"apiVersion": API_VERSION, "kind": KIND, "response": response})


def _string(raw: Mapping[str, Any], field: str, path: str, *, required: bool = False) -> str:
    value = raw.get(field)
    if value is None:
        value = ""
    if not isinstance(value, str) or (required and not value):
        raise BadReviewError(f"{path}: must be a string" + (" and not empty" if required else ""))
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
