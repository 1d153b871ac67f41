"""AdmissionReview v1, read and written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.controller.webhook.review import (
    MAX_WARNINGS,
    BadReviewError,
    ReviewResponse,
    read_review,
    write_review,
)
from orchestrator.models.base import GROUP
from tests.admission_reviews import review


def written(uid: str, verdict: ReviewResponse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(write_review(uid, verdict))
    return found


def test_a_review_is_read() -> None:
    request = read_review(review("Workflow", "deploy", {"nodes": []}, namespace="shop"))
    assert (request.uid, request.group, request.kind) == ("uid-1", GROUP, "Workflow")
    assert (request.namespace, request.name, request.spec) == ("shop", "deploy", {"nodes": []})
    assert request.concerns_us


@pytest.mark.parametrize(
    "changed",
    [
        {"operation": "DELETE", "object": None},
        {"operation": "CONNECT"},
        {"subResource": "status"},
        {"kind": {"group": "apps", "version": "v1", "kind": "Deployment"}},
    ],
)
def test_what_writes_nothing_of_ours_does_not_concern_us(changed: dict[str, Any]) -> None:
    assert not read_review(review("Workflow", "deploy", {}, **changed)).concerns_us


def test_a_name_that_is_still_to_be_generated_is_shown_as_it_begins() -> None:
    raw = {"metadata": {"generateName": "deploy-"}, "spec": {}}
    assert read_review(review("WorkflowExecution", "", {}, object=raw)).name == "deploy-"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b"[]", "the body must be an object: an AdmissionReview of admission.k8s.io/v1"),
        (b"{}", "apiVersion: must be admission.k8s.io/v1, not None"),
        (
            b'{"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview"}',
            "apiVersion: must be admission.k8s.io/v1, not admission.k8s.io/v1beta1",
        ),
        (
            b'{"apiVersion": "admission.k8s.io/v1", "kind": "List"}',
            "kind: must be AdmissionReview, not List",
        ),
        (
            b'{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": 5}',
            "request: must be an object",
        ),
        (review("Workflow", "a", {}, uid=""), "request.uid: must be a string and not empty"),
        (review("Workflow", "a", {}, uid=5), "request.uid: must be a string and not empty"),
        (review("Workflow", "a", {}, kind="Workflow"), "request.kind: must be an object with"),
        (review("Workflow", "a", {}, kind={"group": 5}), "request.kind.group: must be a string"),
        (review("Workflow", "a", {}, kind={}), "request.kind.kind: must be a string and not"),
        (review("Workflow", "a", {}, operation=None), "request.operation: must be a string and"),
        (review("Workflow", "a", {}, namespace=[]), "request.namespace: must be a string"),
        (review("Workflow", "a", {}, object="x"), "request.object: must be an object or null"),
    ],
)
def test_a_bad_review_is_refused_with_the_field(body: bytes, said: str) -> None:
    with pytest.raises(BadReviewError) as refused:
        read_review(body)
    assert str(refused.value).startswith(said)


def test_nesting_beyond_what_can_be_read_is_cut() -> None:
    deep = b"[" * 20_000 + b"]" * 20_000
    body = review("Workflow", "a", {}).replace(b'"spec": {}', b'"spec": ' + deep)
    assert read_review(body).kind == "Workflow"


def test_an_allowed_object_has_an_answer_without_words() -> None:
    assert written("uid-1", ReviewResponse()) == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": "uid-1", "allowed": True},
    }


def test_a_refusal_keeps_its_lines_and_hides_what_a_terminal_would_obey() -> None:
    response = written("uid-1", ReviewResponse("Workflow a: one\nWorkflow a: two\x1b[31m"))[
        "response"
    ]
    assert response["allowed"] is False
    assert response["status"] == {
        "code": 422,
        "reason": "Invalid",
        "message": "Workflow a: one\nWorkflow a: two\ufffd[31m",
    }


def test_warnings_are_single_lines_and_bounded() -> None:
    texts = ("two\nlines", *(f"warning {number}" for number in range(20)))
    warnings = written("uid-1", ReviewResponse(warnings=texts))["response"]["warnings"]
    assert warnings[0] == "two lines"
    assert len(warnings) == MAX_WARNINGS + 1
    assert warnings[-1] == f"and {21 - MAX_WARNINGS} more warnings"
