"""Issues of a Jira Cloud site, by version 2 of its REST API, which takes plain text.

https://developer.atlassian.com/cloud/jira/platform/rest/v2/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from orchestrator.actions.action import ActionError, Context
from orchestrator.actions.rest import Api, api, basic, body_of, segment
from orchestrator.actions.sending import WithTimeout

if TYPE_CHECKING:
    import requests

Issue = dict[str, Any]
API = "/rest/api/2"
FIELDS = "summary,status,priority,assignee,issuetype"


@contextmanager
def jira(
    url: str, user: str, token: SecretStr | None, parameters: WithTimeout, context: Context
) -> Iterator[Jira]:
    """A site, as the user of an API token."""
    headers = {**basic(user, token), "Accept": "application/json"}
    with api("Jira", url, parameters, context, headers=headers, reason=reason) as site:
        yield Jira(site, url.rstrip("/"))


def reason(response: requests.Response) -> str:
    """The messages of an error of Jira or of Jira Service Management."""
    body = body_of(response)
    if not isinstance(body, dict):
        return ""
    messages = [*map(str, body.get("errorMessages") or ()), str(body.get("errorMessage") or "")]
    fields = body.get("errors")
    if isinstance(fields, dict):
        messages += [f"{field}: {message}" for field, message in fields.items()]
    return "; ".join(message for message in messages if message)


class Jira:
    """Issues of one site."""

    def __init__(self, api: Api, url: str) -> None:
        self.api, self._url = api, url

    def issue(self, key: str) -> Issue:
        """An issue; raises a permanent ActionError if there is none."""
        query, missing = {"fields": FIELDS}, f"issue {key}"
        fields = self.api.field("fields", "GET", _path(key), params=query, missing=missing)
        return {"key": key, "fields": fields}

    def search(self, jql: str) -> Issue | None:
        """The first issue of a query."""
        query = {"jql": jql, "fields": FIELDS, "maxResults": "1"}
        found: list[Issue] = self.api.field("issues", "GET", f"{API}/search/jql", params=query)
        return found[0] if found else None

    def create(self, fields: Mapping[str, Any]) -> str:
        """Create an issue and return its key."""
        return str(self.api.field("key", "POST", f"{API}/issue", json={"fields": fields}))

    def comment(self, key: str, text: str) -> None:
        """Add a comment."""
        self.api.call("POST", f"{_path(key)}/comment", json={"body": text})

    def edit(self, key: str, fields: Mapping[str, Any]) -> None:
        """Set fields of an issue."""
        self.api.call("PUT", _path(key), json={"fields": fields})

    def transition(self, key: str, status: str, resolution: str = "") -> None:
        """Move an issue to a status, by its name or its category (new, indeterminate, done).

        Raises a permanent ActionError, which names those it can move to, if there is no way.
        """
        path = f"{_path(key)}/transitions"
        ways = self.api.field("transitions", "GET", path)
        found = [way for way in ways if status.lower() in _names(way)]
        if not found:
            possible = ", ".join(sorted({way["to"]["name"] for way in ways})) or "none"
            raise ActionError(
                f"Jira has no transition of issue {key} to {status}; possible: {possible}",
                permanent=True,
            )
        fields = {"fields": {"resolution": {"name": resolution}}} if resolution else {}
        self.api.call("POST", path, json={"transition": {"id": found[0]["id"]}, **fields})

    def comments(self, key: str) -> Iterable[str]:
        """The newest comments of an issue."""
        query = {"orderBy": "-created", "maxResults": "100"}
        found = self.api.field("comments", "GET", f"{_path(key)}/comment", params=query)
        return [str(comment["body"]) for comment in found]

    def account(self, name: str) -> str:
        """The account id of a user, by e-mail address or the id itself."""
        if "@" not in name:
            return name
        users = self.api.json("GET", f"{API}/user/search", params={"query": name})
        for user in users:
            if str(user.get("emailAddress", "")).lower() == name.lower():
                return str(user["accountId"])
        raise ActionError(
            f"Jira has no user {name}; if the address is hidden in Jira, write the account id",
            permanent=True,
        )

    def page(self, key: str) -> str:
        """URL of an issue for people."""
        return f"{self._url}/browse/{key}"


def quoted(text: str) -> str:
    """A string in JQL."""
    return json.dumps(text, ensure_ascii=False)


def _names(way: Mapping[str, Any]) -> set[str]:
    target = way["to"]
    return {str(target["name"]).lower(), str(target["statusCategory"]["key"]).lower()}


def _path(key: str) -> str:
    return f"{API}/issue/{segment(key)}"
