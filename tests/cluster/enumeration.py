"""Checks that users without rights in a namespace cannot enumerate its objects: the responses for
existing and missing objects must not differ."""

from __future__ import annotations

import re
import uuid

from tests.api_process import ApiUser


def leaking_requests(user: ApiUser, there: str, uids: tuple[str, str]) -> list[str]:
    """The requests whose responses reveal whether an object exists.

    `e` is an execution of the namespace and `past` one in its history, with these uids; `w` is a
    Workflow.
    """
    ours = f"/kubernetes/apis/automation.itechsmart.dev/v1alpha1/namespaces/{there}"
    executions, by_uid = ("e", "past", "none"), (*uids, str(uuid.uuid4()))
    asked = [
        ("GET", f"/executions/{there}:NAME", executions),
        ("GET", f"/executions/{there}:NAME/nodes/hold/logs", executions),
        ("GET", f"/executions/{there}:NAME/events", executions),
        ("GET", "/executions/NAME", by_uid),
        ("GET", "/executions/NAME/graph", by_uid),
        ("POST", f"/executions/{there}:NAME/rerun", executions),
        ("POST", f"/workflows/{there}:NAME/execute", ("w", "none")),
        ("GET", f"/workflows/{there}:NAME/metrics", ("w", "none")),
        ("GET", f"/workflows/{there}:NAME/revisions", ("w", "none")),
        ("GET", f"{ours}/workflowexecutions/NAME", ("e", "none")),
        ("DELETE", f"{ours}/workflowexecutions/NAME", ("e", "none")),
    ]
    wrong = []
    for method, path, names in asked:
        answers = {_answer(user, method, path, name) for name in names}
        if len(answers) > 1 or next(iter(answers))[0] not in (403, 404):
            wrong.append(f"{method} {path}: {answers}")
    return wrong


def _answer(user: ApiUser, method: str, path: str, name: str) -> tuple[int, str]:
    key = {"Idempotency-Key": "one"} if method == "POST" else {}
    answer = user(method, path.replace("NAME", name), None, key)
    return answer.status, re.sub(rf"\b{re.escape(name)}\b", "NAME", answer.text)
