"""The client: its settings, and the resources of the API."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from orchestrator.client.methods.actions import ActionsApi
from orchestrator.client.methods.executions import ExecutionsApi
from orchestrator.client.methods.figures import FiguresApi
from orchestrator.client.methods.graph import GraphApi
from orchestrator.client.methods.service import ServiceApi
from orchestrator.client.methods.templates import TemplatesApi
from orchestrator.client.methods.triggers import TriggersApi
from orchestrator.client.methods.types import TypesApi
from orchestrator.client.methods.workflows import WorkflowsApi
from orchestrator.client.transport import Settings, Token, Transport


class Client:
    """The API as the user of a token, inside `async with`.

    Its methods raise ProblemError for what the API refuses, and NoAnswerError where it does not
    answer.
    """

    def __init__(
        self,
        server: str,
        *,
        token: Token = "",
        namespace: str = "",
        ca_file: str | None = None,
        timeout: float = 60.0,
        connect_timeout: float = 10.0,
        retries: int = 4,
    ) -> None:
        """`server` is the API's address; `token` a string, or a function that gives the current one
        and is called for each request. `namespace` is that of names without one, `default` if it is
        empty. `timeout` is the maximum silence of the API in seconds; requests that are safe to
        repeat are repeated up to `retries` times. Raises ValueError for a `server` that is no URL.
        """
        settings = Settings(server, token, ca_file, timeout, connect_timeout, retries)
        self._transport = transport = Transport(settings)
        self.workflows = WorkflowsApi(transport, namespace)
        self.graph = GraphApi(transport, namespace)
        """The nodes and edges of Workflows."""
        self.executions = ExecutionsApi(transport, namespace)
        self.triggers = TriggersApi(transport, namespace)
        self.templates = TemplatesApi(transport, namespace)
        self.actions = ActionsApi(transport, namespace)
        self.types = TypesApi(transport, namespace)
        self.figures = FiguresApi(transport, namespace)
        self.service = ServiceApi(transport, namespace)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._transport.__aexit__(kind, error, traceback)
