"""A Jira Cloud site: issues by the REST API v2, and service desks of Jira Service Management.

https://developer.atlassian.com/cloud/jira/platform/rest/v2/ and
https://developer.atlassian.com/cloud/jira/service-desk/rest/
"""

from __future__ import annotations

import re
from typing import Any

from tests.planted import planted
from tests.vendors.stub import RefusedError, Request, Response, Stub, conform, json_response

USER, TOKEN = "bot@example.com", planted("jira", "ATATT")
ANA = "5b10a2844c20165700ede21g"
BO = "5b109f2e9729b51b54dc274d"
ACCOUNTS = {ANA: "ana@example.com", BO: "bo@example.com"}
HIDDEN = {"cy@example.com": "5b10ac8d82e05b22cc7d4ef5"}
"""Account ids of users whose address others do not see."""
PROJECTS = {"OPS": ["Task", "Bug"]}
PRIORITIES = ["Highest", "High", "Medium", "Low", "Lowest"]
STATUSES = {"Open": "new", "In Progress": "indeterminate", "Done": "done"}
WAYS = {
    "Open": {"11": "In Progress", "31": "Done"},
    "In Progress": {"21": "Open", "31": "Done"},
    "Done": {"41": "Open"},
}


def _only(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


_TEXT = {"type": "string", "minLength": 1}
_SUMMARY = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^\\n]*$"}
_EDITABLE: dict[str, Any] = {
    "summary": _SUMMARY,
    "description": {"type": "string"},
    "priority": _only(["name"], name={"enum": PRIORITIES}),
    "assignee": _only(["accountId"], accountId={"enum": list(ACCOUNTS)}),
    "labels": {"type": "array", "items": {"type": "string", "pattern": "^\\S{1,255}$"}},
    "components": {"type": "array"},
    "customfield_10010": {"type": "string"},
}
EDIT = _only(["fields"], fields=_only([], **_EDITABLE))
CREATE = _only(
    ["fields"],
    fields=_only(
        ["project", "issuetype", "summary"],
        project=_only(["key"], key={"enum": list(PROJECTS)}),
        issuetype=_only(["name"], name=_TEXT),
        **_EDITABLE,
    ),
)
TRANSITION = _only(
    ["transition"],
    transition=_only(["id"], id={"type": "string"}),
    fields=_only([], resolution=_only(["name"], name={"enum": ["Done", "Won't Do"]})),
)
COMMENT = _only(["body"], body=_TEXT)
REQUEST = _only(
    ["serviceDeskId", "requestTypeId", "requestFieldValues"],
    serviceDeskId={"const": "10"},
    requestTypeId={"const": "25"},
    requestFieldValues=_only(["summary"], summary=_SUMMARY, description={"type": "string"}),
)
INTERNAL_COMMENT = _only(["body", "public"], body=_TEXT, public={"type": "boolean"})
PARTICIPANTS = _only(
    ["accountIds"], accountIds={"type": "array", "items": {"enum": list(ACCOUNTS)}, "minItems": 1}
)


class Jira(Stub):
    """A site with a project OPS, and the service desk 10, whose issues are SD-1, SD-2 and so on."""

    def __init__(self) -> None:
        super().__init__()
        self.issues: dict[str, dict[str, Any]] = {}
        self.comments: dict[str, list[dict[str, Any]]] = {}
        self.participants: dict[str, list[str]] = {}
        self.route("POST", "/rest/api/2/issue", self.create)
        self.route("GET", "/rest/api/2/issue/{key}", self.show)
        self.route("PUT", "/rest/api/2/issue/{key}", self.edit)
        self.route("GET", "/rest/api/2/issue/{key}/transitions", self.transitions)
        self.route("POST", "/rest/api/2/issue/{key}/transitions", self.transition)
        self.route("GET", "/rest/api/2/issue/{key}/comment", self.list_comments)
        self.route("POST", "/rest/api/2/issue/{key}/comment", self.comment)
        self.route("GET", "/rest/api/2/search/jql", self.search)
        self.route("GET", "/rest/api/2/user/search", self.users)
        self.route("POST", "/rest/servicedeskapi/request", self.request)
        self.route("POST", "/rest/servicedeskapi/request/{key}/comment", self.internal_comment)
        self.route("GET", "/rest/servicedeskapi/request/{key}/participant", self.list_participants)
        self.route("POST", "/rest/servicedeskapi/request/{key}/participant", self.participate)

    def error(self, refusal: RefusedError) -> Response:
        if refusal.status == 401:
            return Response(401, b"Client must be authenticated to access this resource.")
        field, _, message = refusal.message.partition(": ")
        if refusal.status == 400 and message:
            errors = {field.removeprefix("fields."): message}
            return json_response(400, {"errorMessages": [], "errors": errors})
        return json_response(refusal.status, {"errorMessages": [refusal.message], "errors": {}})

    def create(self, request: Request) -> Response:
        self._authorize(request)
        fields = request.json(CREATE)["fields"]
        project = fields["project"]["key"]
        conform(fields["issuetype"]["name"], {"enum": PROJECTS[project]})
        key = self._opened(project, fields)
        return json_response(201, {"id": "1", "key": key, "self": f"{self.url}/rest/api/2/issue/1"})

    def request(self, request: Request) -> Response:
        self._authorize(request)
        key = self._opened("SD", request.json(REQUEST)["requestFieldValues"])
        return json_response(201, {"issueId": "1", "issueKey": key, "requestTypeId": "25"})

    def show(self, request: Request, key: str) -> Response:
        self._authorize(request)
        fields = self._issue(key)
        asked = request.query.get("fields", [",".join(fields)])[0].split(",")
        shown = {name: fields.get(name) for name in asked}
        return json_response(200, {"key": key, "fields": shown})

    def edit(self, request: Request, key: str) -> Response:
        self._authorize(request)
        self._issue(key).update(request.json(EDIT)["fields"])
        return Response(204)

    def transitions(self, request: Request, key: str) -> Response:
        self._authorize(request)
        ways = [
            {"id": each, "name": f"To {name}", "to": _status(name)}
            for each, name in WAYS[self._issue(key)["status"]["name"]].items()
        ]
        return json_response(200, {"expand": "transitions", "transitions": ways})

    def transition(self, request: Request, key: str) -> Response:
        self._authorize(request)
        issue, sent = self._issue(key), request.json(TRANSITION)
        way = sent["transition"]["id"]
        if way not in WAYS[issue["status"]["name"]]:
            raise RefusedError(400, f"Transition id '{way}' is not valid for this issue.")
        issue["status"] = _status(WAYS[issue["status"]["name"]][way])
        issue.update(sent.get("fields", {}))
        return Response(204)

    def list_comments(self, request: Request, key: str) -> Response:
        self._authorize(request)
        self._issue(key)
        return json_response(200, {"comments": self.comments[key], "startAt": 0})

    def comment(self, request: Request, key: str) -> Response:
        return self._commented(request, key, COMMENT)

    def internal_comment(self, request: Request, key: str) -> Response:
        return self._commented(request, key, INTERNAL_COMMENT)

    def participate(self, request: Request, key: str) -> Response:
        self._authorize(request)
        self._issue(key)
        added = request.json(PARTICIPANTS)["accountIds"]
        self.participants[key] = list(dict.fromkeys([*self.participants[key], *added]))
        return self.list_participants(request, key)

    def list_participants(self, request: Request, key: str) -> Response:
        self._authorize(request)
        self._issue(key)
        values = [{"accountId": each} for each in self.participants[key]]
        return json_response(200, {"size": len(values), "isLastPage": True, "values": values})

    def users(self, request: Request) -> Response:
        self._authorize(request)
        (text,) = request.query.get("query", [""])
        found = [
            {"accountId": each, "emailAddress": mail}
            for each, mail in ACCOUNTS.items()
            if mail.startswith(text)
        ]
        found += [{"accountId": each} for mail, each in HIDDEN.items() if mail == text]
        return json_response(200, found)

    def search(self, request: Request) -> Response:
        """JQL of the form: FIELD ~ "WORD" or FIELD = "WORD", [AND statusCategory != Done]."""
        self._authorize(request)
        (jql,) = request.query.get("jql", [""])
        form = r'(\w+) (~|=) "(\w+)"( AND statusCategory != Done)?( ORDER BY created DESC)?'
        found = re.fullmatch(form, jql)
        if found is None:
            raise RefusedError(400, f"Error in the JQL Query: {jql}")
        name, _, word, unresolved, _ = found.groups()
        issues = [
            {"key": key, "fields": fields}
            for key, fields in self.issues.items()
            if word in str(fields.get(name, ""))
            and not (unresolved and fields["status"]["name"] == "Done")
        ]
        return json_response(200, {"issues": issues[::-1], "isLast": True})

    def _commented(self, request: Request, key: str, schema: dict[str, Any]) -> Response:
        self._authorize(request)
        self._issue(key)
        comment = request.json(schema)
        self.comments[key].insert(0, comment)
        return json_response(201, {"id": "1", **comment})

    def _opened(self, project: str, fields: dict[str, Any]) -> str:
        key = f"{project}-{len(self.issues) + 1}"
        default = {"priority": {"name": "Medium"}, "assignee": None, "status": _status("Open")}
        self.issues[key] = {**default, **fields}
        self.comments[key], self.participants[key] = [], []
        return key

    def _authorize(self, request: Request) -> None:
        request.demand_basic(USER, TOKEN)

    def _issue(self, key: str) -> dict[str, Any]:
        if key not in self.issues:
            message = "Issue does not exist or you do not have permission to see it."
            raise RefusedError(404, message)
        return self.issues[key]


def _status(name: str) -> dict[str, Any]:
    return {"name": name, "statusCategory": {"key": STATUSES[name]}}
