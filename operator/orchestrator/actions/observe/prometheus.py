"""Queries of Prometheus, and of what speaks its API, such as Thanos and Mimir.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions.action import ActionError, Context
from orchestrator.actions.rest import Api, OnServer, Url, api, basic, bearer, message_of

Series = dict[str, Any]
"""A series of a vector or of a matrix, as Prometheus responds."""


class OnPrometheus(OnServer):
    """The server of a query, and how to authenticate."""

    url: Url
    """URL of Prometheus, with its path prefix if it has one."""
    query: Annotated[str, Field(min_length=1, max_length=16384)]
    """Expression in PromQL."""
    token: SecretStr | None = None
    """Sent as a bearer token."""
    username: str = ""
    """User for basic authentication."""
    password: SecretStr | None = None
    """Password for basic authentication."""
    tenant: Annotated[str, Field(max_length=256)] = ""
    """Tenant, sent as X-Scope-OrgID."""

    @model_validator(mode="after")
    def _one_identity(self) -> OnPrometheus:
        if self.token and (self.username or self.password):
            raise ValueError("set either token, or username and password, not both")
        return self


@contextmanager
def prometheus(parameters: OnPrometheus, context: Context) -> Iterator[Api]:
    """The API of the server that the parameters name."""
    headers = {**bearer(parameters.token), **basic(parameters.username, parameters.password)}
    if parameters.tenant:
        headers["X-Scope-OrgID"] = parameters.tenant
    reason = message_of("error")
    name = "Prometheus"
    with api(name, parameters.url, parameters, context, headers=headers, reason=reason) as server:
        yield server


def ask(server: Api, path: str, form: Mapping[str, str]) -> tuple[str, list[Series]]:
    """The type and the series of a result; a scalar is one series without labels."""
    answer = server.json("POST", path, data=form)
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict) or "resultType" not in data:
        raise ActionError("the response is not that of Prometheus; check url", permanent=True)
    for warning in answer.get("warnings") or []:
        server.context.log(f"warning: {warning}")
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        return kind, [{"metric": {}, "value": result}]
    return kind, result


def number(text: str) -> float:
    """A sample's value; Prometheus writes NaN, +Inf and -Inf."""
    return float(text)


def name_of(labels: Mapping[str, str]) -> str:
    """A series as Prometheus shows it: up{job="node"}."""
    own = ", ".join(f'{key}="{text}"' for key, text in labels.items() if key != "__name__")
    name = labels.get("__name__", "")
    return f"{name}{{{own}}}" if own or not name else name


def shown(value: float) -> str:
    """A value for messages, with six significant digits."""
    return f"{value:.6g}" if math.isfinite(value) else str(value)
