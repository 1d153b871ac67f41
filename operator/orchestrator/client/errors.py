"""What requests to the API raise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field of a request."""

    path: str
    """The field, such as `spec.nodes[2].with.url`, or the parameter, such as `query.limit`."""
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class ProblemError(Exception):
    """A request that the API refused: problem details of https://www.rfc-editor.org/rfc/rfc9457."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        problems: tuple[Problem, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail or title)
        self.status = status
        """The status code of the answer, such as 409."""
        self.title = title
        """The phrase of that status, such as `Conflict`."""
        self.detail = detail
        """What was wrong, and what would be right."""
        self.problems = problems
        """The problems of the request's fields; empty if it is refused for another reason."""
        self.retry_after = retry_after
        """The wait that the API asked for, in seconds."""

    def __str__(self) -> str:
        lines = [self.detail or self.title]
        lines += [str(one) for one in self.problems if str(one) != self.detail]
        return "\n  ".join(lines)


class NoAnswerError(Exception):
    """The API cannot be reached, its answer was lost, or what answers is not the API."""


def problem_of(
    status: int, body: Mapping[str, Any] | None, text: str = "", retry_after: float | None = None
) -> ProblemError:
    """The error of an answer that is not 2xx, from its problem details or from a proxy's text."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = f"status {status}"
    if body is None:
        return ProblemError(status, phrase, text.strip()[:500], retry_after=retry_after)
    return ProblemError(
        status,
        str(body.get("title") or phrase),
        str(body.get("detail") or ""),
        tuple(Problem(str(one["path"]), str(one["message"])) for one in body.get("errors") or ()),
        retry_after,
    )
