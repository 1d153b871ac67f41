"""The one error of commands: what was asked for cannot be done."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.validation.problem import Problem


class Cause(StrEnum):
    """Why a command is refused."""

    INVALID = "Invalid"
    """What was asked for is not valid, whatever state the objects are in."""
    CONFLICT = "Conflict"
    """The state of an object does not allow it, at least for now."""
    INVALID_WORKFLOW = "InvalidWorkflow"
    """The Workflow is not valid, so every run of it would fail."""


class CommandError(Exception):
    """What is wrong, each problem with the field it is in and what would be right.

    `fix` is what would be right where whoever asks may have words of its own for it.
    """

    def __init__(self, *problems: Problem, cause: Cause = Cause.INVALID, fix: str = "") -> None:
        super().__init__("\n".join(map(str, problems)) + (f"; {fix}" if fix else ""))
        self.problems = problems
        self.cause = cause
        self.fix = fix

    @property
    def path(self) -> str:
        """The field of the first problem."""
        return self.problems[0].path

    @property
    def words(self) -> str:
        """The problems without their fields, and without `fix`."""
        return "\n".join(problem.message for problem in self.problems)


def invalid(path: str, message: str, fix: str = "") -> CommandError:
    """The error of something that is not valid."""
    return CommandError(Problem(path, message), fix=fix)


def conflict(path: str, message: str, fix: str = "") -> CommandError:
    """The error of a state that does not allow what was asked for."""
    return CommandError(Problem(path, message), cause=Cause.CONFLICT, fix=fix)
