"""jira-issue: create an issue in Jira, or change one."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions.action import Action, Context, Outputs
from orchestrator.actions.jira import Jira, jira, quoted
from orchestrator.actions.references import reference, signature
from orchestrator.actions.rest import Url
from orchestrator.actions.sending import WithTimeout, classify

Key = Annotated[str, Field(pattern=r"^([A-Z][A-Z0-9_]{1,31}-[0-9]{1,19})?$")]
Project = Annotated[str, Field(pattern=r"^([A-Z][A-Z0-9_]{1,31})?$")]
Label = Annotated[str, Field(pattern=r"^\S{1,255}$")]


class JiraIssue(WithTimeout):
    """Parameters of jira-issue."""

    url: Url
    """URL of the site, such as https://example.atlassian.net."""
    user: Annotated[str, Field(min_length=1, max_length=253)]
    """E-mail address of the owner of token."""
    token: SecretStr
    """API token of an Atlassian account."""
    project: Project = ""
    """Key of the project, to create an issue; give either this or issue."""
    issue: Key = ""
    """Key of the issue to change, such as OPS-12."""
    issue_type: Annotated[str, Field(min_length=1, max_length=60)] = "Task"
    """Type of a new issue."""
    summary: Annotated[str, Field(pattern=r"^[^\r\n]*$", max_length=255)] = ""
    """Summary, in one line; a new issue needs one."""
    description: Annotated[str, Field(max_length=32767)] = ""
    """Description, with Jira's wiki markup."""
    priority: Annotated[str, Field(max_length=60)] = ""
    """Name of the priority, such as High."""
    assignee: Annotated[str, Field(max_length=253)] = ""
    """E-mail address or account id of the assignee."""
    labels: Annotated[list[Label], Field(max_length=50)] = []
    """Labels, without spaces; of an issue that exists they replace its labels."""
    fields: dict[str, Any] = {}
    """Further fields by their ids, such as customfield_10010."""
    status: Annotated[str, Field(max_length=60)] = ""
    """Status to move the issue to, or a category: new, indeterminate or done."""
    comment: Annotated[str, Field(max_length=32000)] = ""
    """Comment to add."""

    @model_validator(mode="after")
    def _complete(self) -> JiraIssue:
        if bool(self.project) == bool(self.issue):
            raise ValueError("give either project, to create an issue, or issue, to change one")
        if self.project and not self.summary:
            raise ValueError("a new issue needs a summary")
        reserved = {"summary", "description", "priority", "assignee", "labels"} & set(self.fields)
        if reserved or {"project", "issuetype"} & set(self.fields):
            raise ValueError("fields must not contain what other parameters set")
        return self


class Issue(Outputs):
    """Outputs of jira-issue."""

    key: str
    """Key of the issue."""
    url: str
    """Its page."""
    status: str
    """Its status now."""
    created: bool
    """Whether it was created by this execution; false if issue named it."""


def jira_issue(parameters: JiraIssue, context: Context) -> Issue:
    """Creates an issue in Jira Cloud, or changes one: its fields, its status, a comment."""
    with jira(parameters.url, parameters.user, parameters.token, parameters, context) as site:
        fields = _fields(parameters, site)
        key = parameters.issue or _created(parameters, fields, site, context)
        if parameters.issue and fields:
            site.edit(key, fields)
            context.log(f"issue {key}: changed {', '.join(sorted(fields))}")
        if parameters.comment:
            _comment(key, parameters.comment, site, context)
        issue = site.issue(key)
        if parameters.status and not _is_at(issue, parameters.status):
            site.transition(key, parameters.status)
            issue = site.issue(key)
        status = str(issue["fields"]["status"]["name"])
        context.log(f"issue {key} is {status}")
        return Issue(key=key, url=site.page(key), status=status, created=bool(parameters.project))


def _fields(parameters: JiraIssue, site: Jira) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "summary": parameters.summary,
        "description": parameters.description,
        "labels": parameters.labels,
        "priority": {"name": parameters.priority} if parameters.priority else None,
        "assignee": (
            {"accountId": site.account(parameters.assignee)} if parameters.assignee else None
        ),
    }
    return {**parameters.fields, **{name: value for name, value in fields.items() if value}}


def _created(parameters: JiraIssue, fields: dict[str, Any], site: Jira, context: Context) -> str:
    """The key of the new issue, or of that of an earlier attempt, which has the same label."""
    label = reference(context)
    found = site.search(f"labels = {quoted(label)}")
    if found:
        context.log(f"issue {found['key']} was created by an earlier attempt")
        return str(found["key"])
    key = site.create(
        {
            **fields,
            "project": {"key": parameters.project},
            "issuetype": {"name": parameters.issue_type},
            "labels": [*parameters.labels, label],
        }
    )
    context.log(f"created issue {key}")
    return key


def _comment(key: str, text: str, site: Jira, context: Context) -> None:
    """Add a comment, unless an earlier attempt has added it."""
    ref = reference(context)
    if any(ref in comment for comment in site.comments(key)):
        context.log(f"issue {key}: the comment exists")
        return
    site.comment(key, f"{text}\n\n{signature(context)} ({ref})")
    context.log(f"issue {key}: added a comment")


def _is_at(issue: dict[str, Any], status: str) -> bool:
    now = issue["fields"]["status"]
    return status.lower() in (now["name"].lower(), now["statusCategory"]["key"].lower())


ACTION = Action(
    name="jira-issue",
    title="Create or change a Jira issue",
    category="ticket",
    icon="ticket",
    parameters=JiraIssue,
    outputs=Issue,
    run=jira_issue,
    retries=(
        "Retried: no connection, no response in time, rate limits longer than the timeout, 5xx. "
        "Not retried: a token, field or transition that Jira refuses. A new issue has a label and "
        "a comment a reference by which another attempt recognises them. Jira adds new issues "
        "to its search within seconds: if the response is lost, an attempt that follows at once "
        "may create a second issue."
    ),
    classify=classify,
    example="""
        variables:
        - {name: token, type: secret, secretKeyRef: {name: jira, key: token}}
        nodes:
        - name: open
          action: jira-issue
          with:
            url: https://example.atlassian.net
            user: automation@example.com
            token: "$[[ vars.token ]]"
            project: OPS
            issueType: Bug
            summary: The web shop is slow
            priority: High
            labels: [shop]
        - name: close
          action: jira-issue
          with:
            url: https://example.atlassian.net
            user: automation@example.com
            token: "$[[ vars.token ]]"
            issue: "$[[ nodes.open.outputs.key ]]"
            status: done
            comment: The cache was full.
        edges:
        - {from: open, to: close}
    """,
)
