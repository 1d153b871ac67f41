"""Parameters of actions that build a job of Jenkins, and the build itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from pydantic import Field, SecretStr

from orchestrator.actions.action import ActionError, Context
from orchestrator.actions.ci.jenkins import Build, Jenkins, Value
from orchestrator.actions.rest import OnServer, api, basic, message_of
from orchestrator.models.base import Duration


class OnJenkins(OnServer):
    """A job of Jenkins, and what its build is given."""

    username: str = ""
    """User of Jenkins."""
    token: SecretStr | None = None
    """API token of the user, or the password."""
    parameters: Annotated[dict[str, Value], Field(max_length=100)] = {}
    """Parameters of the build; the job must declare them."""
    key_parameter: Annotated[str, Field(max_length=255)] = ""
    """String parameter of the job that is set to the idempotency key. With it, a retry continues
    with the build of an earlier attempt."""
    stop: bool = True
    """Whether to stop the build if the action is cancelled or reaches its timeout."""
    timeout: Duration = "1h"
    """Maximum time for the queue and the build together."""


@contextmanager
def job(url: str, name: str, parameters: OnJenkins, context: Context) -> Iterator[Jenkins]:
    """A job of the server at this URL."""
    headers = basic(parameters.username, parameters.token)
    reason = message_of("message")
    with api("Jenkins", url, parameters, context, headers=headers, reason=reason) as server:
        yield Jenkins(server, name)


def build(jenkins: Jenkins, parameters: OnJenkins, context: Context) -> Build:
    """Start a build and wait for its end; stops it when the wait is given up."""
    key = context.identity.key
    started = jenkins.start(parameters.parameters, parameters.key_parameter, key)
    try:
        return jenkins.wait(started)
    except (ActionError, SystemExit):
        if parameters.stop:
            jenkins.stop(started)
        raise
