"""Which actions, and which of their examples, each test performs to a good end.

Every function of an action that runs in the test's process is seen; a helper that runs a script of
a Template calls `note`. What was seen is a property of the test's report, from which `make test`
learns whether each action of the catalogue is proven (dev/proof).
"""

from __future__ import annotations

import functools
from typing import Any

import pytest

from dev.proof.run import PROPERTY
from orchestrator.actions.action import Action, Context, Outputs, Parameters
from tests import leaks

_performed: set[str] = set()
_examples: set[str] = set()


def note(action: str) -> None:
    """The current test has performed this action."""
    _performed.add(action)


def note_example(action: str) -> None:
    """The current test performs the action with the parameters of its example."""
    _examples.add(action)


def take() -> dict[str, bool]:
    """What was performed since the last call, and whether as the example has it."""
    seen = {name: name in _examples for name in sorted(_performed)}
    _performed.clear()
    _examples.clear()
    return seen


def observe() -> None:
    """Note each action whose function returns outputs, from now on."""
    made = Action.__init__

    @functools.wraps(made)
    def observed(self: Action[Any, Any], *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        run = self.run

        @functools.wraps(run)
        def noted(parameters: Parameters, context: Context) -> Outputs:
            outputs: Outputs = run(parameters, context)
            leaks.refuse(f"the outputs of {self.name}", outputs.model_dump_json())
            note(self.name)
            return outputs

        object.__setattr__(self, "run", noted)

    Action.__init__ = observed  # type: ignore[method-assign]


def report(item: pytest.Item) -> None:
    """Add what the test has performed to its reports from now on."""
    if seen := take():
        item.user_properties.append((PROPERTY, seen))
