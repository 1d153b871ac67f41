"""GitHub's REST API: https://docs.github.com/en/rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from pydantic import Field, SecretStr

from orchestrator.actions.action import Context
from orchestrator.actions.rest import Api, OnServer, Url, api, bearer, message_of

VERSION = "2022-11-28"
"""Version of the API."""
REPOSITORY = r"^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$"


class OnGithub(OnServer):
    """A repository, and how to authenticate."""

    repository: Annotated[str, Field(pattern=REPOSITORY, max_length=200)]
    """Repository as OWNER/NAME."""
    token: SecretStr
    """Token with the permission that the action needs."""
    api_url: Url = "https://api.github.com"
    """URL of the API; https://HOST/api/v3 for GitHub Enterprise Server."""


@contextmanager
def github(parameters: OnGithub, context: Context) -> Iterator[Api]:
    """The API of the repository's server."""
    headers = {
        **bearer(parameters.token),
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": VERSION,
    }
    reason = message_of("message")
    url = parameters.api_url
    with api("GitHub", url, parameters, context, headers=headers, reason=reason) as server:
        yield server
