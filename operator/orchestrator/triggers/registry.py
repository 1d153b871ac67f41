"""The trigger types. A new type is a file in `types/` and a line below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict, Field, create_model

from orchestrator.models.base import Model
from orchestrator.models.exactly_one import ExactlyOne
from orchestrator.models.rules import exactly_one
from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers.trigger_type import TriggerType
from orchestrator.triggers.types.alert import ALERT
from orchestrator.triggers.types.api_endpoint import API_ENDPOINT
from orchestrator.triggers.types.deployment import DEPLOYMENT
from orchestrator.triggers.types.email import EMAIL
from orchestrator.triggers.types.event import EVENT
from orchestrator.triggers.types.execution import EXECUTION
from orchestrator.triggers.types.file_watch import FILE_WATCH
from orchestrator.triggers.types.incident import INCIDENT
from orchestrator.triggers.types.kubernetes_event import KUBERNETES_EVENT
from orchestrator.triggers.types.manual import MANUAL
from orchestrator.triggers.types.resource import RESOURCE
from orchestrator.triggers.types.schedule import SCHEDULE
from orchestrator.triggers.types.webhook import WEBHOOK
from orchestrator.validation.advice import advise_trigger
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem
from orchestrator.validation.trigger import validate_trigger


@dataclass(frozen=True, slots=True)
class Trigger:
    """The spec of a valid Trigger, its type and the settings of that type."""

    spec: TriggerSpec
    type: TriggerType[Any]
    settings: Model

    def listens_as(self, other: Trigger) -> bool:
        """Whether both listen to the same."""
        return (self.type.key, self.settings) == (other.type.key, other.settings)


class Registry:
    """Trigger types, and the models and checks derived from them."""

    def __init__(self, *types: TriggerType[Any]) -> None:
        self.types = types
        self.spec = _spec_model(types)
        """The model of a Trigger's spec: the common fields, and one field per type."""

    def read(self, raw: Mapping[str, Any]) -> Trigger | list[Problem]:
        """The parsed Trigger of a spec, or its problems."""
        spec = parse(self.spec, dict(raw))
        if not isinstance(spec, TriggerSpec):
            return spec
        if problems := validate_trigger(spec, self.types):
            return problems
        type_ = next(each for each in self.types if getattr(spec, each.key) is not None)
        return Trigger(spec, type_, getattr(spec, type_.key))

    def advise(self, trigger: Trigger) -> list[Problem]:
        """Warnings about a valid trigger that probably does not do what its author wants."""
        return advise_trigger(trigger.spec, self.types)


def _spec_model(types: tuple[TriggerType[Any], ...]) -> type[TriggerSpec]:
    rule = exactly_one(ExactlyOne("a trigger", tuple(each.key for each in types)))

    class Ruled(TriggerSpec):
        model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [rule]})

    fields: dict[str, Any] = {
        each.key: (each.settings | None, Field(None, alias=each.key, description=each.starts))
        for each in types
    }
    return create_model("TriggerSpec", __base__=Ruled, __doc__=TriggerSpec.__doc__, **fields)


REGISTRY = Registry(
    SCHEDULE,
    WEBHOOK,
    EVENT,
    ALERT,
    API_ENDPOINT,
    EMAIL,
    FILE_WATCH,
    EXECUTION,
    INCIDENT,
    DEPLOYMENT,
    RESOURCE,
    KUBERNETES_EVENT,
    MANUAL,
)
