"""The Table API of a ServiceNow instance: the tables incident, sys_user and sys_user_group."""

from __future__ import annotations

import re
from typing import Any

from tests.planted import planted
from tests.vendors.stub import RefusedError, Request, Response, Stub, json_response

USER, PASSWORD = "automation", planted("servicenow")
OAUTH = planted("servicenow token")
ANA = "46d44a23a9fe19810012d100cca80666"
NETWORK = "287ebd7da9fe198100f92cc8d1d2154e"
REFERENCES = {
    "sys_user": [
        {"sys_id": ANA, "user_name": "ana", "email": "ana@example.com"},
        {"sys_id": "0" * 32, "user_name": "bo", "email": "bo@example.com"},
    ],
    "sys_user_group": [{"sys_id": NETWORK, "name": "Network"}],
}
CHOICES = {
    "state": ["1", "2", "3", "6", "7", "8"],
    "impact": ["1", "2", "3"],
    "urgency": ["1", "2", "3"],
}
CLOSE_CODES = ["Solution provided", "Workaround provided", "No resolution provided"]
COLUMNS = {
    **{name: {"type": "string", "enum": values} for name, values in CHOICES.items()},
    **{
        name: {"type": "string"}
        for name in ("description", "close_notes", "work_notes", "comments", "category")
    },
    "short_description": {"type": "string", "maxLength": 160},
    "correlation_id": {"type": "string", "maxLength": 100},
    "correlation_display": {"type": "string", "maxLength": 100},
    "close_code": {"enum": CLOSE_CODES},
    "assigned_to": {"enum": [each["sys_id"] for each in REFERENCES["sys_user"]]},
    "assignment_group": {"enum": [NETWORK]},
    "caller_id": {"enum": [each["sys_id"] for each in REFERENCES["sys_user"]]},
}
RECORD = {
    "type": "object",
    "properties": COLUMNS,
    "additionalProperties": False,
    "minProperties": 1,
}
PRIORITIES = {("1", "1"): "1", ("1", "2"): "2", ("2", "1"): "2", ("2", "2"): "3", ("3", "3"): "5"}


class ServiceNow(Stub):
    """An instance whose data policy demands a resolution of resolved incidents."""

    def __init__(self) -> None:
        super().__init__()
        self.incidents: dict[str, dict[str, Any]] = {}
        self.work_notes: dict[str, list[str]] = {}
        self.route("GET", "/api/now/table/incident", self.list_incidents)
        self.route("POST", "/api/now/table/incident", self.create)
        self.route("GET", "/api/now/table/incident/{sys_id}", self.show)
        self.route("PATCH", "/api/now/table/incident/{sys_id}", self.update)
        self.route("GET", "/api/now/table/{table}", self.list_references)

    def error(self, refusal: RefusedError) -> Response:
        messages = {401: "User Not Authenticated", 404: "No Record found", 403: "Operation Failed"}
        message = messages.get(refusal.status, "Invalid request")
        error = {"message": message, "detail": refusal.message}
        return json_response(refusal.status, {"error": error, "status": "failure"})

    def list_incidents(self, request: Request) -> Response:
        self._authorize(request)
        return self._matching(request, list(self.incidents.values()))

    def list_references(self, request: Request, table: str) -> Response:
        self._authorize(request)
        if table not in REFERENCES:
            raise RefusedError(400, f"Invalid table {table}")
        return self._matching(request, REFERENCES[table])

    def create(self, request: Request) -> Response:
        self._authorize(request)
        sent = request.json(RECORD)
        number = len(self.incidents) + 1
        sys_id = f"{number:032x}"
        incident = {
            "state": "1",
            "impact": "3",
            "urgency": "3",
            "short_description": "",
            "assigned_to": "",
            "assignment_group": "",
            "sys_id": sys_id,
            "number": f"INC{number:07}",
        }
        return self._written(201, {**incident, **sent})

    def show(self, request: Request, sys_id: str) -> Response:
        self._authorize(request)
        return json_response(200, {"result": self._shown(request, self._incident(sys_id))})

    def update(self, request: Request, sys_id: str) -> Response:
        self._authorize(request)
        return self._written(200, {**self._incident(sys_id), **request.json(RECORD)})

    def _written(self, status: int, incident: dict[str, Any]) -> Response:
        missing = [name for name in ("close_code", "close_notes") if not incident.get(name)]
        if incident["state"] in ("6", "7") and missing:
            text = "Data Policy Exception: The following fields are mandatory"
            raise RefusedError(403, f"{text}: {', '.join(missing)}")
        notes = self.work_notes.setdefault(incident["sys_id"], [])
        if note := incident.pop("work_notes", ""):
            notes.insert(0, note)
        for column in ("assigned_to", "assignment_group"):
            if value := incident[column]:
                value = value["value"] if isinstance(value, dict) else value
                link = f"{self.url}/api/now/table/{column}/{value}"
                incident[column] = {"link": link, "value": value}
        incident["priority"] = PRIORITIES.get((incident["impact"], incident["urgency"]), "4")
        self.incidents[incident["sys_id"]] = incident
        return json_response(status, {"result": incident})

    def _matching(self, request: Request, records: list[dict[str, Any]]) -> Response:
        """Encoded queries of =, IN, ^ and ^OR, as ServiceNow reads them."""
        (query,) = request.query.get("sysparm_query", [""])
        query = re.sub(r"\^ORDERBY(DESC)?\w+", "", query)
        every = [
            [_condition(each) for each in part.split("^OR")]
            for part in re.split(r"\^(?!OR)", query)
            if part
        ]
        found = [
            record
            for record in records
            if all(
                any(str(record.get(column, "")) in values for column, values in alternatives)
                for alternatives in every
            )
        ]
        (limit,) = request.query.get("sysparm_limit", ["10000"])
        newest = found[::-1][: int(limit)]
        return json_response(200, {"result": [self._shown(request, each) for each in newest]})

    def _shown(self, request: Request, record: dict[str, Any]) -> dict[str, Any]:
        notes = self.work_notes.get(record["sys_id"], [])
        displayed = request.query.get("sysparm_display_value") == ["true"]
        # Journals are shown by display value only.
        return {**record, "work_notes": "\n\n".join(notes) if displayed else ""}

    def _authorize(self, request: Request) -> None:
        if request.headers.get("authorization", "").startswith("Bearer "):
            request.demand_bearer(OAUTH)
        else:
            request.demand_basic(USER, PASSWORD)

    def _incident(self, sys_id: str) -> dict[str, Any]:
        if sys_id not in self.incidents:
            raise RefusedError(404, "Record doesn't exist or ACL restricts the record retrieval")
        return self.incidents[sys_id]


def _condition(text: str) -> tuple[str, list[str]]:
    """The column and the possible values of a condition."""
    found = re.fullmatch(r"(\w+?)(=|IN)(.*)", text)
    if found is None:
        raise RefusedError(400, f"Invalid query: {text}")
    column, operator, value = found.groups()
    return column, value.split(",") if operator == "IN" else [value]
