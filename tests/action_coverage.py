"""Coverage of the action catalogue: the actions, and their examples, that succeed in each test.

Action functions that run in the test's process are instrumented; a helper that runs the script of a
Template calls `record_action`. The records become a property of the test's report, by which
`make test` checks that each action of the catalogue is covered (dev/proof).
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


def record_action(action: str) -> None:
    """Record that the action succeeded in the current test."""
    _performed.add(action)


def record_example(action: str) -> None:
    """Record that the current test runs the action with the parameters of its example."""
    _examples.add(action)


def take() -> dict[str, bool]:
    """The actions recorded since the last call, and whether each ran with its example."""
    seen = {name: name in _examples for name in sorted(_performed)}
    _performed.clear()
    _examples.clear()
    return seen


def instrument_actions() -> None:
    """Record each action whose function returns outputs, from now on."""
    made = Action.__init__

    @functools.wraps(made)
    def observed(self: Action[Any, Any], *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        run = self.run

        @functools.wraps(run)
        def noted(parameters: Parameters, context: Context) -> Outputs:
            outputs: Outputs = run(parameters, context)
            leaks.refuse(f"the outputs of {self.name}", outputs.model_dump_json())
            record_action(self.name)
            return outputs

        object.__setattr__(self, "run", noted)

    Action.__init__ = observed  # type: ignore[method-assign]


def report(item: pytest.Item) -> None:
    """Add the recorded actions to the reports of the test from now on."""
    if seen := take():
        item.user_properties.append((PROPERTY, seen))
