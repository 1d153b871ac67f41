"""The program git, with credentials that reach neither its arguments, nor its configuration files,
nor the log."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions import processes, ssh
from orchestrator.actions.action import ActionError, Context
from orchestrator.actions.sending import WithTimeout
from orchestrator.models.base import Duration, parse_duration

URL = r"^(https?://[^/\s@]+/\S+|ssh://([\w.-]+@)?[^/\s@]+/\S+|[\w.-]+@[\w.-]+:[^\s:]\S*)$"
SSH_CONNECT_TIMEOUT = 10.0
"""Seconds to connect."""
_PERMANENT = re.compile(
    r"Authentication failed|could not read (Username|Password)|Permission denied|"
    r"Host key verification failed|REMOTE HOST IDENTIFICATION|Load key|not found|does not exist|"
    r"does not appear to be a git repository|returned error: 40[0134]|"
    r"certificate|protected branch|hook declined|not our ref|couldn't find remote ref",
    re.IGNORECASE,
)
"""Messages that another attempt would get as well."""
_SETTINGS = [
    ("core.hooksPath", "/dev/null"),  # no code of the repository runs
    ("core.fsmonitor", "false"),
    ("safe.directory", "*"),  # the workspace belongs to its group, not to the user
    ("http.followRedirects", "false"),
    ("advice.detachedHead", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
]
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$USERNAME" "$PASSWORD"; }; f'
)
"""A credential helper that reads variables; only git's own child processes have them."""


class OnRepository(WithTimeout):
    """How to authenticate to a git server."""

    username: Annotated[str, Field(max_length=256)] = "git"
    """User for token, where the server does not ignore it (GitLab: oauth2, Bitbucket:
    x-token-auth)."""
    token: SecretStr | None = None
    """Token or password, for an https URL."""
    private_key: SecretStr | None = None
    """Private key without a passphrase, for an SSH URL."""
    known_hosts: Annotated[str, Field(max_length=65536)] = ""
    """Public keys of the SSH server, as lines of a known_hosts file; required with privateKey."""
    ca_certificate: str = ""
    """PEM certificates to trust in addition to the public ones."""
    timeout: Duration = "10m"
    """Maximum total time."""

    @model_validator(mode="after")
    def _one_identity(self) -> OnRepository:
        if self.token and self.private_key:
            raise ValueError("give either token or privateKey")
        if self.private_key and not self.known_hosts.strip():
            raise ValueError("privateKey needs knownHosts")
        return self


@dataclass(frozen=True)
class Git:
    """Runs git in a repository until a deadline."""

    folder: Path
    context: Context
    environ: Mapping[str, str]
    authentication: Callable[[], AbstractContextManager[Mapping[str, str]]]
    """The variables with the credentials, which only commands that reach the server have."""
    deadline: float

    def __call__(self, *arguments: str) -> str:
        """The end of the standard output of a command; raises ActionError if it fails."""
        return self._output(self.ended(*arguments))

    def ended(self, *arguments: str) -> processes.Ended:
        """A command's end, whether it succeeds or not."""
        return self._run(arguments, self.environ)

    def remote(self, *arguments: str) -> str:
        """As a call, with the credentials."""
        return self._output(self.remote_ended(*arguments))

    def remote_ended(self, *arguments: str) -> processes.Ended:
        """As `ended`, with the credentials."""
        with self.authentication() as variables:
            return self._run(arguments, {**self.environ, **variables})

    def _output(self, ended: processes.Ended) -> str:
        if ended.exit_code:
            raise self.failure(ended)
        return ended.stdout.strip()

    def _run(self, arguments: tuple[str, ...], environ: Mapping[str, str]) -> processes.Ended:
        left = max(self.deadline - self.context.clock.monotonic(), 0.1)
        argv = ["git", "-C", str(self.folder), *arguments]
        try:
            return processes.run(argv, environ, mask=self.context.mask, timeout=left, quiet=True)
        except subprocess.TimeoutExpired:
            raise ActionError(f"git {arguments[0]} did not end within the timeout") from None

    def failure(self, ended: processes.Ended) -> ActionError:
        """The error of a failed command, permanent only if a retry cannot succeed."""
        lines = [line.strip() for line in ended.stderr.splitlines() if line.strip()]
        useful = [line for line in lines if line.startswith(("fatal:", "error:", "remote:"))]
        words = "; ".join((useful or lines)[-3:])[:600]
        known = re.search(r"Permission denied \(.*?\)|Host key verification failed", ended.stderr)
        message = words if not known else f"{known[0]}: check privateKey and knownHosts"
        return ActionError(
            f"git failed: {message or f'exit code {ended.exit_code}'}",
            permanent=bool(_PERMANENT.search(ended.stderr)),
        )


@contextmanager
def git(parameters: OnRepository, context: Context, folder: Path, url: str) -> Iterator[Git]:
    """git in a folder, with the credentials for the server of this URL only."""
    if parameters.token:
        _server(url)
    deadline = context.clock.monotonic() + parse_duration(parameters.timeout)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        environ = {
            "PATH": context.environ.get("PATH") or "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "http:https:ssh",
            **_settings(_SETTINGS),
        }
        if parameters.ca_certificate:
            environ["GIT_SSL_CAINFO"] = str(_bundle(home, parameters.ca_certificate))

        @contextmanager
        def authentication() -> Iterator[Mapping[str, str]]:
            if parameters.token:
                helper = [("credential.helper", ""), (f"credential.{_server(url)}.helper", _HELPER)]
                yield {
                    "USERNAME": parameters.username,
                    "PASSWORD": parameters.token.get_secret_value(),
                    **_settings([*_SETTINGS, *helper]),
                }
            elif parameters.private_key:
                with ssh.identity(parameters.private_key, parameters.known_hosts) as key:
                    words = ["ssh", "-F", "none", *ssh.options(key, SSH_CONNECT_TIMEOUT)]
                    yield {"GIT_SSH_COMMAND": shlex.join(words)}
            else:
                yield {}

        yield Git(folder, context, environ, authentication, deadline)


@dataclass(frozen=True)
class Isolated:
    """A checkout whose configuration other nodes may have written, which can name programs and
    other servers. None of it applies: only the objects, the index and HEAD are the checkout's."""

    files: Git
    """The checkout with a generated configuration."""
    repository: Git
    """Its repository without the files, for commands that reach the server."""
    original: Git
    """Its references, as later nodes read them; with its own configuration and no credentials."""


@contextmanager
def isolated(run: Git) -> Iterator[Isolated]:
    """The checkout in the folder, with a generated configuration."""
    inside = run.folder / ".git"
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        run("init", "--quiet", "--bare", name)
        if (inside / "shallow").is_file():
            (directory / "shallow").write_bytes((inside / "shallow").read_bytes())
        original = replace(run, environ={**run.environ, "GIT_DIR": str(inside)})
        objects = {"GIT_DIR": name, "GIT_OBJECT_DIRECTORY": str(inside / "objects")}
        environ = {**run.environ, **objects}
        repository = replace(run, folder=directory, environ=environ)
        branch = original.ended("symbolic-ref", "-q", "HEAD").stdout.strip()
        commit = original("rev-parse", "--verify", "HEAD")
        if branch:
            repository("symbolic-ref", "HEAD", branch)
        repository("update-ref", *([] if branch else ["--no-deref"]), "HEAD", commit)
        files = {"GIT_WORK_TREE": str(run.folder), "GIT_INDEX_FILE": str(inside / "index")}
        yield Isolated(replace(run, environ={**environ, **files}), repository, original)


def _settings(settings: list[tuple[str, str]]) -> dict[str, str]:
    """Settings as variables, which override those of the repository."""
    found = {"GIT_CONFIG_COUNT": str(len(settings))}
    for index, (name, value) in enumerate(settings):
        found |= {f"GIT_CONFIG_KEY_{index}": name, f"GIT_CONFIG_VALUE_{index}": value}
    return found


def _server(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise ActionError(f"token is for an https URL, not for {url[:200]}", permanent=True)
    return f"{parts.scheme}://{parts.netloc}"


def _bundle(home: Path, certificates: str) -> Path:
    """A file with the public certificates and these."""
    import ssl  # TLS takes long to import, and few servers have certificates of their own

    public = ssl.get_default_verify_paths().cafile
    text = Path(public).read_text(encoding="utf-8") if public and Path(public).exists() else ""
    path = home / "certificates.pem"
    path.write_text(f"{text}\n{certificates}\n", encoding="utf-8")
    return path
