"""Handles clicks on buttons of Slack messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.operations.decide import Person
from orchestrator.operations.errors import CommandError
from orchestrator.receiver.slack.executor import execute, refusal
from orchestrator.receiver.slack.interaction import (
    PLAIN,
    RESPONSE_URL,
    Interaction,
    read_interaction,
)
from orchestrator.receiver.slack.user_mapping import (
    UserMappingError,
    mapped_user,
    read_user_mapping,
)
from orchestrator.triggers.schemes.slack import verify_slack
from orchestrator.triggers.sources import HttpRequest, HttpResponse, not_verified

logger = logging.getLogger(__name__)

PATH = "/slack/interactions"
"""The Request URL of the Slack app's interactivity."""
ACT_SECONDS = 2.5
"""Slack waits three seconds for an answer."""
_REPLY = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, slots=True)
class SlackFiles:
    """The files of the Slack app, both mounted from objects that only administrators write."""

    signing_secret: Path
    """The app's signing secret; several, while it is rotated, each on its own line."""
    people: Path
    """The Kubernetes users behind Slack users."""


class SlackInteractions:
    """Verifies each click, and executes it as the Kubernetes user behind the Slack user."""

    def __init__(
        self,
        files: SlackFiles,
        client_for: Callable[[Person], ApiClient],
        response_url: str = RESPONSE_URL,
    ) -> None:
        self._files = files
        self._client_for = client_for
        self._response_url = response_url
        self._replies: set[asyncio.Task[None]] = set()

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """The response to a request; the user reads the result in Slack."""
        secrets = self._secrets()
        if not secrets or (problem := verify_slack(request, secrets)):
            return not_verified(problem if secrets else "there is no signing secret")
        interaction = read_interaction(request, self._response_url)
        if isinstance(interaction, HttpResponse):
            return interaction
        said = await self._execute(interaction)
        self._reply(interaction, said)
        return HttpResponse(200, "", PLAIN)

    async def close(self) -> None:
        """Send the remaining replies."""
        if self._replies:
            await asyncio.wait(self._replies, timeout=5)

    async def _execute(self, interaction: Interaction) -> str:
        """The result of a click as a message to the user."""
        try:
            people = read_user_mapping(self._files.people)
        except UserMappingError as error:
            logger.error("no click of Slack counts: %s", error)
            return "the receiver does not know its users; an administrator finds why in its log"
        person = mapped_user(people, interaction.team, interaction.user)
        if person is None:
            logger.warning("Slack user %s/%s is not known", interaction.team, interaction.user)
            return f"no Kubernetes user is known for your Slack user {interaction.user}"
        try:
            async with asyncio.timeout(ACT_SECONDS):
                done = await execute(self._client_for, person, interaction)
        except TimeoutError:
            return "the API server did not answer in time; look before you click again"
        except (CommandError, ApiError) as error:
            said = refusal(error, person, interaction)
            logger.info("a click of %s does not count: %s", person.name, said)
            return said
        logger.info("%s, by a click in Slack", done)
        return done

    def _secrets(self) -> list[bytes]:
        try:
            lines = self._files.signing_secret.read_bytes().split()
        except OSError as error:
            logger.error("%s: %s", self._files.signing_secret, error.strerror)
            return []
        return lines

    def _reply(self, interaction: Interaction, text: str) -> None:
        """Show the user the result in Slack; a lost reply changes nothing."""
        if interaction.response_url:
            task = asyncio.create_task(_post(interaction.response_url, text), name="slack reply")
            self._replies.add(task)
            task.add_done_callback(self._replies.discard)


async def _post(url: str, text: str) -> None:
    body = {"response_type": "ephemeral", "replace_original": False, "text": text}
    try:
        async with (
            aiohttp.ClientSession(timeout=_REPLY, trust_env=True) as session,
            session.post(url, json=body, allow_redirects=False) as response,
        ):
            if response.status >= 300:
                logger.warning("Slack refused a reply: %d", response.status)
    except (aiohttp.ClientError, TimeoutError) as error:
        logger.warning("a reply did not reach Slack: %s", error or type(error).__name__)
