"""Silences of Alertmanager by its API, version 2.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr, model_validator

from orchestrator.actions.action import Context
from orchestrator.actions.rest import Api, OnServer, Url, api, basic, bearer, message_of

_MATCHER = re.compile(
    r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^"\s]+)\s*'
)


class OnAlertmanager(OnServer):
    """The Alertmanager, and how to authenticate."""

    url: Url
    """URL of Alertmanager, with its path prefix if it has one."""
    token: SecretStr | None = None
    """Sent as a bearer token."""
    username: str = ""
    """User for basic authentication."""
    password: SecretStr | None = None
    """Password for basic authentication."""

    @model_validator(mode="after")
    def _one_identity(self) -> OnAlertmanager:
        if self.token and (self.username or self.password):
            raise ValueError("set either token, or username and password, not both")
        return self


@contextmanager
def alertmanager(parameters: OnAlertmanager, context: Context) -> Iterator[Api]:
    """The API of the Alertmanager that the parameters name."""
    headers = {**bearer(parameters.token), **basic(parameters.username, parameters.password)}
    reason = message_of("message", "error")
    name = "Alertmanager"
    with api(name, parameters.url, parameters, context, headers=headers, reason=reason) as server:
        yield server


def matcher(text: str) -> dict[str, Any]:
    """A matcher as Alertmanager writes it, such as `severity=~"warning|info"`, for its API.

    Raises ValueError if the text is none.
    """
    found = _MATCHER.fullmatch(text)
    if not found:
        raise ValueError(
            f'{text!r} is not a matcher; write one such as alertname="Down" or team=~"a|b"'
        )
    name, sign, value = found.groups()
    return {
        "name": name,
        "value": json.loads(value) if value.startswith('"') else value,
        "isRegex": sign.endswith("~"),
        "isEqual": not sign.startswith("!"),
    }
