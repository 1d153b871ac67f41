"""A table of a ServiceNow instance, by its Table API (/api/now/table)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from orchestrator.actions.action import ActionError, Context
from orchestrator.actions.rest import Api, api, basic, bearer, body_of
from orchestrator.actions.sending import WithTimeout

if TYPE_CHECKING:
    import requests

Record = dict[str, Any]
SYS_ID = r"[0-9a-f]{32}"


@contextmanager
def table(
    name: str,
    url: str,
    user: str,
    token: SecretStr | None,
    parameters: WithTimeout,
    context: Context,
) -> Iterator[Table]:
    """A table, as a user with a password, or with an OAuth access token without a user."""
    headers = {**(basic(user, token) if user else bearer(token)), "Accept": "application/json"}
    with api("ServiceNow", url, parameters, context, headers=headers, reason=reason) as instance:
        yield Table(instance, url.rstrip("/"), name)


def reason(response: requests.Response) -> str:
    """The message of an error and its detail."""
    body = body_of(response)
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return ""
    return ": ".join(str(error[key]) for key in ("message", "detail") if error.get(key))


class Table:
    """Records of one table; people and groups by their names."""

    def __init__(self, api: Api, url: str, name: str) -> None:
        self._api, self._url, self._name = api, url, name

    def create(self, columns: Mapping[str, Any]) -> Record:
        """Insert a record."""
        return self._one("POST", self._path(), json=columns)

    def update(self, sys_id: str, columns: Mapping[str, Any]) -> Record:
        """Change columns of a record."""
        return self._one("PATCH", self._path(sys_id), json=columns)

    def get(self, name: str) -> Record:
        """The record with this number or sys_id; raises a permanent ActionError without one."""
        column = "sys_id" if re.fullmatch(SYS_ID, name) else "number"
        found = self.first(f"{column}={_plain(name)}")
        if found is None:
            raise ActionError(f"ServiceNow has no {self._name} {name}", permanent=True)
        return found

    def first(self, query: str) -> Record | None:
        """The first record of an encoded query."""
        return self._first(self._name, query)

    def journal(self, sys_id: str, column: str) -> str:
        """All entries of a journal column, newest first."""
        query = {"sysparm_display_value": "true", "sysparm_fields": column}
        record = self._one("GET", self._path(sys_id), params=query)
        return str(record.get(column) or "")

    def user(self, name: str) -> str:
        """The sys_id of a user, by user name, e-mail address or sys_id."""
        return self._reference("sys_user", ("user_name", "email"), name, "user")

    def group(self, name: str) -> str:
        """The sys_id of a group, by name or sys_id."""
        return self._reference("sys_user_group", ("name",), name, "group")

    def page(self, sys_id: str) -> str:
        """URL of a record for people."""
        return f"{self._url}/nav_to.do?uri={self._name}.do?sys_id={sys_id}"

    def _reference(self, name: str, columns: tuple[str, ...], text: str, noun: str) -> str:
        if re.fullmatch(SYS_ID, text):
            return text
        query = "^OR".join(f"{column}={_plain(text)}" for column in columns)
        found = self._first(name, query)
        if found is None:
            raise ActionError(f"ServiceNow has no {noun} {text}", permanent=True)
        return str(found["sys_id"])

    def _first(self, name: str, query: str) -> Record | None:
        parameters = {"sysparm_query": query, "sysparm_limit": "1"}
        path = f"/api/now/table/{name}"
        found: list[Record] = self._api.field("result", "GET", path, params=parameters)
        return found[0] if found else None

    def _path(self, sys_id: str = "") -> str:
        return f"/api/now/table/{self._name}" + (f"/{sys_id}" if sys_id else "")

    def _one(self, method: str, path: str, **options: Any) -> Record:
        record: Record = self._api.field("result", method, path, **options)
        return record


def _plain(text: str) -> str:
    """A value for an encoded query, in which ^ would begin another condition, and the instance
    would evaluate what follows javascript:."""
    if "^" in text:
        raise ActionError(f"{text!r} must not contain ^", permanent=True)
    if text.lstrip().lower().startswith("javascript:"):
        raise ActionError(f"{text!r} must not begin with javascript:", permanent=True)
    return text
