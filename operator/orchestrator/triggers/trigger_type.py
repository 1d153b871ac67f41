"""The parts of a trigger type: a value that the CRD, validation, docs and drivers read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from orchestrator.models.base import Model
from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers.sources import S, Source
from orchestrator.validation.problem import Problem

SAMPLE_UID = "00000000-0000-4000-8000-000000000000"
"""The uid of the objects in samples."""


@dataclass(frozen=True, slots=True)
class TriggerType(Generic[S]):
    """A type of trigger."""

    key: str
    """The field of spec that holds its settings, and the type of its events."""
    starts: str
    """When it starts an execution, in one sentence: the field's description in the CRD."""
    settings: type[S]
    event: type[Model]
    """The schema of its `event`."""
    source: Source[S]
    problems: Callable[[str, S], Iterable[Problem]] = lambda _path, _settings: ()
    """Problems of settings at a path that the model does not find."""
    advice: Callable[[str, S, TriggerSpec], Iterable[Problem]] = lambda _path, _settings, _spec: ()
    """Warnings about valid settings at a path that probably do not do what their author wants, with
    what the trigger makes of the events."""
    sample: Callable[[S, float], Mapping[str, Any] | None] = lambda _settings, _at: None
    """The data of an event at a moment in seconds since the epoch that these settings select, to
    try a trigger with; None if its source has requests or slots to try it with, or if only people
    know what to write."""
