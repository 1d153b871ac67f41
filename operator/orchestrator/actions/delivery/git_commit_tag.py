"""git-commit-tag: commit changes of a checkout, tag the commit, and push both."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs, Resources
from orchestrator.actions.delivery.git import URL, Isolated, OnRepository, git, isolated
from orchestrator.actions.workspace import in_workspace

TRAILER = "Workflow-Key"
"""Trailer of a commit's message: the idempotency key."""
MAX_PUSHES = 5
"""How often a push is tried when others push to the branch in between."""
_BEHIND = re.compile(
    r"\[(remote )?rejected\].*\((fetch first|non-fast-forward|stale info|failed to "
    r"update ref|cannot lock ref.*|incorrect old value.*)\)"
)
REF = r"^[^-/\s:~^?*\[\\.][^\s:~^?*\[\\]*$|^$"


class GitCommitTag(OnRepository):
    """Parameters of git-commit-tag."""

    url: Annotated[str, Field(pattern=URL, max_length=2048)]
    """URL of the repository to push to, the same as that of git-clone."""
    path: Annotated[str, Field(pattern="[A-Za-z0-9]", max_length=1024)] = "source"
    """Directory of the checkout in the workspace, made by git-clone."""
    message: Annotated[str, Field(max_length=16384)] = ""
    """Message of the commit; without it only a tag is made."""
    files: Annotated[list[str], Field(min_length=1, max_length=100)] = ["."]
    """Files and directories whose changes are committed."""
    branch: Annotated[str, Field(pattern=REF, max_length=256)] = ""
    """Branch to push to; the branch of the checkout if empty."""
    tag: Annotated[str, Field(pattern=REF, max_length=256)] = ""
    """Name of the tag, which must not exist."""
    tag_message: Annotated[str, Field(max_length=16384)] = ""
    """Message of the tag; its name if empty."""
    author_name: Annotated[str, Field(pattern=r"^[^<>\n]+$", max_length=256)] = "automation"
    """Author of the commit and of the tag."""
    author_email: Annotated[str, Field(pattern=r"^[^<>\s]+$", max_length=256)] = (
        "automation@localhost"
    )
    """Email address of the author."""

    @model_validator(mode="after")
    def _something(self) -> GitCommitTag:
        if not (self.message.strip() or self.tag):
            raise ValueError("give message, tag or both")
        return self


class Pushed(Outputs):
    """Outputs of git-commit-tag."""

    commit: str
    """Id of the commit, or of the checkout's if nothing changed."""
    changed: bool
    """Whether there was something to commit, now or in an earlier attempt."""
    branch: str = ""
    """Branch that the commit was pushed to."""
    tag: str = ""
    """The tag."""


def git_commit_tag(parameters: GitCommitTag, context: Context) -> Pushed:
    """Commits changes of a checkout in the workspace, tags the commit, and pushes both at once. If
    others have pushed to the branch, the commit is rebased."""
    folder = in_workspace(context, parameters.path, "path")
    inside = folder / ".git"
    if not inside.is_dir() or inside.is_symlink():
        raise ActionError(f"path: {parameters.path} is no checkout; run git-clone", permanent=True)
    if (origin := _origin(folder)) != parameters.url:
        raise ActionError(
            f"url: {parameters.path} is a checkout of {origin[:200]}, not of {parameters.url}",
            permanent=True,
        )
    with git(parameters, context, folder, parameters.url) as outer, isolated(outer) as checkout:
        commit, changed, branch = _Work(parameters, context, checkout).done()
    what = f"commit {commit[:12]} to {branch}" if branch else "nothing"
    context.log(f"pushed {what}{f', tag {parameters.tag}' if parameters.tag else ''}")
    return Pushed(commit=commit, changed=changed, branch=branch, tag=parameters.tag)


def _origin(folder: Path) -> str:
    """The URL that the checkout names; only compared, for another node may have written it."""
    config = folder / ".git/config"
    text = config.read_text(encoding="utf-8", errors="replace") if config.is_file() else ""
    found = re.search(r'^\[remote "origin"\]\n\s*url = (\S+)$', text, re.MULTILINE)
    if not found:
        raise ActionError("the checkout has no remote origin; run git-clone", permanent=True)
    return found[1]


@dataclass(frozen=True)
class _Work:
    """The steps of the action."""

    parameters: GitCommitTag
    context: Context
    checkout: Isolated

    def done(self) -> tuple[str, bool, str]:
        """The commit, whether something changed, and the branch that it was pushed to."""
        run = self.checkout.files
        run("config", "user.name", self.parameters.author_name)
        run("config", "user.email", self.parameters.author_email)
        changed = bool(self.parameters.message) and self._commit()
        branch = self._branch() if changed else ""
        if changed or self.parameters.tag:
            return self._push(branch), changed, branch
        return run("rev-parse", "HEAD"), changed, branch

    def _commit(self) -> bool:
        """Commit the changes; whether there is a commit, which an earlier attempt may have made."""
        run, key = self.checkout.files, self.context.identity.key
        run("add", "--all", "--", *self.parameters.files)
        if run.ended("diff", "--cached", "--quiet").exit_code == 0:
            last = run("log", "-1", f"--format=%(trailers:key={TRAILER},valueonly)")
            return last == key
        message = self.parameters.message
        run("commit", "--quiet", "-m", message, "--trailer", f"{TRAILER}: {key}")
        self._record("HEAD")
        return True

    def _record(self, name: str) -> None:
        """Set a reference of the checkout, for a retry and for later nodes."""
        self.checkout.original("update-ref", name, self.checkout.repository("rev-parse", name))

    def _branch(self) -> str:
        here = self.checkout.repository.ended("symbolic-ref", "--short", "-q", "HEAD")
        branch = self.parameters.branch or here.stdout.strip()
        if not branch:
            raise ActionError("the checkout is at no branch; set branch", permanent=True)
        return branch

    def _push(self, branch: str) -> str:
        """Push the commit and the tag, both or neither; rebases onto commits of others. The
        commit, which may be that of an earlier attempt whose response was lost."""
        repository = self.checkout.repository
        retry = branch and self.context.identity.attempt > 1
        earlier = self._earlier(branch) if retry else ""
        for _ in range(MAX_PUSHES):
            commit = earlier or repository("rev-parse", "HEAD")
            refs = [f"{commit}:refs/heads/{branch}"] if branch and not earlier else []
            if self.parameters.tag and self._tag(commit):
                refs.append(f"refs/tags/{self.parameters.tag}")
            if not refs:
                return commit
            ended = repository.remote_ended(
                "push", "--porcelain", "--atomic", self.parameters.url, *refs
            )
            if ended.exit_code == 0:
                return commit
            if not branch or not _BEHIND.search(ended.stdout + ended.stderr):
                raise repository.failure(ended)
            self.context.log(f"{branch} has new commits, rebasing")
            earlier = self._earlier(branch)
            if not earlier:
                self._rebase(branch)
        raise ActionError(f"others keep pushing to {branch}")

    def _earlier(self, branch: str) -> str:
        """Fetch the branch; the commit that an earlier attempt pushed to it, if there is one."""
        repository = self.checkout.repository
        options = ["--quiet", "--no-tags", "--no-recurse-submodules"]
        ended = repository.remote_ended(
            "fetch", *options, self.parameters.url, f"refs/heads/{branch}"
        )
        if "couldn't find remote ref" in ended.stderr:
            return ""
        if ended.exit_code:
            raise repository.failure(ended)
        line = f"{TRAILER}: {self.context.identity.key}"
        search = ["--fixed-strings", f"--grep={line}", "FETCH_HEAD"]
        return repository("log", "-1", "--format=%H", *search)

    def _rebase(self, branch: str) -> None:
        run = self.checkout.files
        if run.ended("rebase", "--quiet", "--autostash", "FETCH_HEAD").exit_code:
            run.ended("rebase", "--abort")
            raise ActionError(f"the commit conflicts with new commits of {branch}", permanent=True)
        self._record("HEAD")
        if run.ended("rev-parse", "--verify", "--quiet", "refs/stash").exit_code == 0:
            self._record("refs/stash")
            self.context.log("uncommitted changes conflict with new commits: refs/stash has them")

    def _tag(self, commit: str) -> bool:
        """Tag the commit; False if the server has this tag of this commit already."""
        tag, repository = self.parameters.tag, self.checkout.repository
        name = f"refs/tags/{tag}"
        listed = repository.remote("ls-remote", self.parameters.url, name, f"{name}^{{}}")
        if listed:
            if commit in {line.split("\t")[0] for line in listed.splitlines()}:
                return False
            raise ActionError(f"tag {tag} exists, of another commit", permanent=True)
        message = self.parameters.tag_message or tag
        repository("tag", "--force", "-a", "-m", message, tag, commit)
        self._record(name)
        return True


ACTION = Action(
    name="git-commit-tag",
    title="Commit, tag and push",
    category="delivery",
    icon="tag",
    parameters=GitCommitTag,
    outputs=Pushed,
    run=git_commit_tag,
    retries=(
        "Retried: no connection, 5xx, a push that does not end within the timeout. Not retried: a "
        "tag that exists, a conflict with new commits of the branch, a push that the server "
        "refuses, credentials that are refused. The commit's message ends with the idempotency "
        "key: a retry pushes the commit of an earlier attempt and makes no other."
    ),
    writes_files=True,
    resources=Resources(memory="64Mi", memory_limit="1Gi"),
    example="""
        variables:
        - {name: version, type: string, default: "1.4.0"}
        - {name: token, type: secret, secretKeyRef: {name: git, key: token}}
        workspace: {size: 1Gi}
        nodes:
        - name: source
          action: git-clone
          with:
            url: https://git.example.com/shop/deployment.git
            path: deployment
            token: "$[[ vars.token ]]"
        - name: change
          action: run-script
          with:
            script: printf '%s\\n' "$VERSION" > "$WORKSPACE/deployment/VERSION"
            env: {VERSION: "$[[ vars.version ]]"}
        - name: release
          action: git-commit-tag
          with:
            url: https://git.example.com/shop/deployment.git
            path: deployment
            message: "Release $[[ vars.version ]]"
            tag: "v$[[ vars.version ]]"
            token: "$[[ vars.token ]]"
        edges:
        - {from: source, to: change}
        - {from: change, to: release}
    """,
)
