"""The API itself, and its user.

Generated from docs/openapi.json by `make generate`; do not edit.
"""

from __future__ import annotations

from orchestrator.client.resource import Resource
from orchestrator.client.schemas.messages import Me, Status


class ServiceApi(Resource):
    """The API itself, and its user."""

    async def me(self, *, namespace: str | None = None) -> Me:
        """Who you are to the API server, and what you may do in a namespace with our kinds. With
        a session, `session.endsAt` says when it ends.
        """
        request = self._request("GET", "/me", {"namespace": namespace})
        value: Me = await self._read(request)
        return value

    async def health(self) -> Status:
        """Whether the process lives; needs no token. It says nothing of the API server or of the
        history, which a restart brings back no sooner: `readiness` does.
        """
        request = self._request("GET", "/health", {})
        value: Status = await self._read(request)
        return value

    async def readiness(self) -> Status:
        """Whether the API server can be reached; needs no token. Ready without the history: then
        `history` says why answers leave it out.
        """
        request = self._request("GET", "/readiness", {})
        value: Status = await self._read(request)
        return value
