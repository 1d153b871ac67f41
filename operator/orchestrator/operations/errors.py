"""The error of operations: the request cannot be carried out."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.validation.problem import Problem


class Cause(StrEnum):
    """Why an operation is refused."""

    INVALID = "Invalid"
    """The request is invalid, whatever state the objects are in."""
    CONFLICT = "Conflict"
    """The state of an object does not allow it, at least at the moment."""
    INVALID_WORKFLOW = "InvalidWorkflow"
    """The Workflow is invalid, so every run of it would fail."""


class CommandError(Exception):
    """The problems of a request, each with its field and what would be right.

    `fix` is what would be right, if the caller may have words of its own for it. `words` are the
    problems in words of their own, for which their fields do not matter.
    """

    def __init__(
        self, *problems: Problem, cause: Cause = Cause.INVALID, fix: str = "", words: str = ""
    ) -> None:
        super().__init__("\n".join(map(str, problems)) + (f"; {fix}" if fix else ""))
        self.problems = problems
        self.cause = cause
        self.fix = fix
        self._words = words

    @property
    def path(self) -> str:
        """The field of the first problem."""
        return self.problems[0].path

    @property
    def words(self) -> str:
        """The problems without their fields, and without `fix`."""
        return self._words or "\n".join(problem.message for problem in self.problems)


def invalid(path: str, message: str, fix: str = "") -> CommandError:
    """The error of an invalid request."""
    return CommandError(Problem(path, message), fix=fix)


def conflict(path: str, message: str, fix: str = "") -> CommandError:
    """The error of a state that does not allow the request."""
    return CommandError(Problem(path, message), cause=Cause.CONFLICT, fix=fix)
