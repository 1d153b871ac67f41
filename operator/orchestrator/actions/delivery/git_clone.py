"""git-clone: check out a branch, a tag or a commit into the workspace."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, ActionError, Context, Outputs, Resources
from orchestrator.actions.delivery.git import URL, Git, OnRepository, git
from orchestrator.actions.workspace import in_workspace

KEY = "automation.key"
"""Setting of a clone: the idempotency key of the node that made it."""
COMMIT = re.compile("[0-9a-f]{40}([0-9a-f]{24})?")


class GitClone(OnRepository):
    """Parameters of git-clone."""

    url: Annotated[str, Field(pattern=URL, max_length=2048)]
    """URL of the repository: https://…, ssh://… or git@host:path."""
    ref: Annotated[str, Field(pattern=r"^[^-\s:~^?*\[\\][^\s:~^?*\[\\]*$|^$", max_length=256)] = ""
    """Branch, tag or full commit id; the default branch if empty."""
    path: Annotated[str, Field(pattern="[A-Za-z0-9]", max_length=1024)] = "source"
    """Directory in the workspace; it must not exist, or be empty."""
    depth: Annotated[int, Field(ge=0)] = 1
    """Number of commits of the history; 0 for all."""
    submodules: bool = False
    """Whether to check out submodules too; the credentials are for the server of url only."""


class Checkout(Outputs):
    """Outputs of git-clone."""

    bulky = ("subject",)

    commit: str
    """Id of the commit."""
    branch: str = ""
    """Branch, if ref is a branch or empty."""
    path: str
    """Directory in the workspace."""
    author: str = ""
    """Name of the commit's author."""
    subject: str = ""
    """First line of the commit's message."""
    committed_at: str = ""
    """Time of the commit (RFC 3339)."""
    truncated: bool = False
    """Whether an output was truncated."""


def git_clone(parameters: GitClone, context: Context) -> Checkout:
    """Checks out a branch, a tag or a commit of a git repository into a directory of the
    workspace, where later nodes find it."""
    target = in_workspace(context, parameters.path, "path")
    with git(parameters, context, target, parameters.url) as run:
        _prepare(run, target, context.identity.key)
        reference, branch = _resolved(run, parameters)
        context.log(f"fetching {branch or reference} of {parameters.url}")
        depth = ["--depth", str(parameters.depth)] if parameters.depth else []
        run.remote("fetch", "--quiet", "--no-tags", *depth, parameters.url, reference)
        if branch:
            upstream = f"refs/remotes/origin/{branch}"
            run("update-ref", upstream, "FETCH_HEAD")
            run("checkout", "--quiet", "--force", "-B", branch, "FETCH_HEAD")
        else:
            run("checkout", "--quiet", "--force", "--detach", "FETCH_HEAD")
        if parameters.submodules:
            run.remote("submodule", "--quiet", "update", "--init", "--recursive", *depth)
        described = run("log", "-1", "--format=%H%n%aN%n%cI%n%s").splitlines()
    commit, author, committed_at, *subject = described
    context.log(f"checked out {commit[:12]} into {parameters.path}")
    return Checkout(
        commit=commit,
        branch=branch,
        path=parameters.path,
        author=author,
        subject=subject[0] if subject else "",
        committed_at=committed_at,
    )


def _prepare(run: Git, target: Path, key: str) -> None:
    """An empty repository; replaces the one of an earlier attempt and nothing else."""
    if target.exists() and any(target.iterdir()):
        found = run.ended("config", "--local", KEY).stdout.strip()
        if not (target / ".git").is_dir() or found != key:
            raise ActionError(f"path: {target.name} exists and is not empty", permanent=True)
        shutil.rmtree(target)
    target.mkdir(parents=True, exist_ok=True)
    run("init", "--quiet")
    run("config", KEY, key)


def _resolved(run: Git, parameters: GitClone) -> tuple[str, str]:
    """What to fetch, and the branch if it is one."""
    ref = parameters.ref
    run("remote", "add", "origin", parameters.url)
    if COMMIT.fullmatch(ref):
        return ref, ""
    wanted = [f"refs/heads/{ref}", f"refs/tags/{ref}"] if ref else ["HEAD"]
    listed = run.remote("ls-remote", "--symref", "origin", *wanted)
    if not ref:
        head = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", listed, re.MULTILINE)
        if not head:
            raise ActionError(f"{parameters.url} has no default branch; set ref", permanent=True)
        return f"refs/heads/{head[1]}", head[1]
    for reference, branch in ((wanted[0], ref), (wanted[1], "")):
        if re.search(rf"\t{re.escape(reference)}$", listed, re.MULTILINE):
            return reference, branch
    raise ActionError(f"{parameters.url} has no branch or tag {ref}", permanent=True)


ACTION = Action(
    name="git-clone",
    title="Check out a git repository",
    category="delivery",
    icon="git-branch",
    parameters=GitClone,
    outputs=Checkout,
    run=git_clone,
    retries=(
        "Retried: no connection, an interrupted transfer, 5xx, a transfer that does not end within "
        "the timeout. Not retried: a repository, a branch or a tag that does not exist, "
        "credentials that are refused, a host key that is not in knownHosts, a directory that is "
        "not empty. A retry replaces the directory of an earlier attempt."
    ),
    writes_files=True,
    resources=Resources(memory="64Mi", memory_limit="1Gi"),
    example="""
        variables:
        - {name: token, type: secret, secretKeyRef: {name: git, key: token}}
        workspace: {size: 1Gi}
        nodes:
        - name: source
          action: git-clone
          with:
            url: https://git.example.com/shop/deployment.git
            ref: main
            path: deployment
            token: "$[[ vars.token ]]"
        - name: test
          action: run-tests
          with: {command: test -f README.md, directory: deployment}
        edges:
        - {from: source, to: test}
    """,
)
