"""The base model and the bounded types that all kinds share: names, durations, texts.

The API server refuses a CEL rule over values without a bound as too expensive, so each type here
includes its maximum.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, TypeGuard

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema

from orchestrator.models.docstrings import add_descriptions

GROUP = "automation.itechsmart.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
IDENTIFIER_PATTERN = r"^[a-z][a-zA-Z0-9_]*$"
DNS_LABEL_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN_PATTERN = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
APPROVER_PATTERN = r"^(user|group):.+$"
QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"
ENVIRONMENT_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
PATH_PATTERN = r"^/[^:]*$"
DATA_KEY_PATTERN = r"^[-._a-zA-Z0-9]+$"
HOST_PATTERN = r"^[a-zA-Z0-9][-.:a-zA-Z0-9]*$"
ENDPOINT_PATTERN = r"^https?://[^/?#@\s]+$"
REGION_PATTERN = r"^[-a-z0-9]+$"
BUCKET_PATTERN = r"^[a-zA-Z0-9][-._a-zA-Z0-9]+$"
HEADER_PATTERN = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
USERNAME_PATTERN = r"^[^:]+$"
PRINTABLE_PATTERN = r"^[^\x00-\x1f\x7f]+$"

YAML_BOOLEANS = ("y", "n", "yes", "no", "on", "off", "true", "false")
"""Words that YAML 1.1 (kubectl) reads as booleans, also as keys; names must not be any of them."""

_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Model(BaseModel):
    """An immutable model with camelCase names in manifests; unknown fields are an error."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The JSON Schema, with the docstrings of the fields as their descriptions."""
        schema = handler(core_schema)
        add_descriptions(cls, handler.resolve_ref_schema(schema))
        return schema


Duration = Annotated[str, Field(pattern=DURATION_PATTERN, max_length=32)]
Identifier = Annotated[str, Field(pattern=IDENTIFIER_PATTERN, max_length=63)]
ObjectName = Annotated[str, Field(pattern=DNS_SUBDOMAIN_PATTERN, min_length=1, max_length=253)]
WorkflowName = Annotated[str, Field(pattern=DNS_LABEL_PATTERN, min_length=1, max_length=63)]
Expression = Annotated[str, Field(min_length=1, max_length=1024)]
Text = Annotated[str, Field(max_length=4096)]
Line = Annotated[str, Field(max_length=256)]
Timestamp = Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})]
MAX_SALTS = 8
"""Number of alternative names for one execution, tried in turn while other objects use a name."""
Uid = Annotated[str, Field(max_length=64)]
Json = Any
"""Any JSON value; in a schema `x-kubernetes-preserve-unknown-fields`."""


class ValueType(StrEnum):
    """The types of variables, parameters and outputs; only variables may be secrets."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    OBJECT = "object"
    SECRET = "secret"  # noqa: S105 - the name of a type


def is_object_name(text: object) -> TypeGuard[str]:
    """Whether the text is a valid object name, and so safe in a URL path."""
    return isinstance(text, str) and re.fullmatch(DNS_SUBDOMAIN_PATTERN, text) is not None


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> float:
    """Seconds of a duration such as `1h30m` or `500ms`.

    Raises ValueError, with the text and the expected form, for anything else.
    """
    if len(text) > 32 or not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(f"{text!r} is not a duration; write one such as 30s, 5m, 1h30m or 500ms")
    return sum(
        float(number) * _UNIT_SECONDS[unit]
        for number, unit in re.findall(r"([0-9.]+)(ms|s|m|h)", text)
    )
