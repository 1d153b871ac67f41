"""The names of Jobs and sub-executions, and which of them others have taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.models.base import MAX_SALTS


class AttemptKey(NamedTuple):
    """An attempt of a node; in a fan-out over sub-executions, of one of its items."""

    node: str
    attempt: int
    item: int | None = None


@dataclass(slots=True)
class ChildNames:
    """How many names of each sub-execution were skipped because other executions have them."""

    recalled: bool = False
    """Whether this covers the sub-executions that an earlier read or process created."""
    _salts: dict[AttemptKey, int] = field(default_factory=dict)

    def salt(self, key: AttemptKey) -> int:
        """The number of skipped names."""
        return self._salts.get(key, 0) if self._salts else 0

    def pass_over(self, key: AttemptKey) -> bool:
        """Skip to the next name; returns whether there is one."""
        salt = self._salts.get(key, 0) + 1
        if salt > MAX_SALTS:
            return False
        self._salts[key] = salt
        return True

    def knows(self, key: AttemptKey) -> bool:
        """Whether any name was skipped."""
        return key in self._salts

    def found(self, key: AttemptKey, salt: int) -> None:
        """Record that a sub-execution has the name after so many others."""
        self._salts.setdefault(key, salt)

    def reset(self, key: AttemptKey) -> None:
        """Return to the first name."""
        self._salts.pop(key, None)

    def all_recalled(self) -> None:
        """Record that all names are known."""
        self.recalled = True
