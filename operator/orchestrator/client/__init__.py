"""A client of the REST API, `orchestrator api`, for asyncio.

    async with Client("https://automation.example.com", token=token) as client:
        started = await client.workflows.execute("restart", variables={"service": "shop"})
        async for event in client.executions.events(started.value["metadata"]["name"]):
            print(event.data["phase"])

The methods, and the types of what they take and return, are generated from docs/openapi.json.
"""

from orchestrator.client.client import Client
from orchestrator.client.errors import NoAnswerError, Problem, ProblemError
from orchestrator.client.lines import Event
from orchestrator.client.resource import Page, Pages
from orchestrator.client.tokens import token_of_file
from orchestrator.client.transport import Stored, Token

__all__ = [
    "Client",
    "Event",
    "NoAnswerError",
    "Page",
    "Pages",
    "Problem",
    "ProblemError",
    "Stored",
    "Token",
    "token_of_file",
]
