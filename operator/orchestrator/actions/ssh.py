"""Commands on other hosts, by the program `ssh` of the runner's image.

Nothing outside the parameters takes part: no configuration file, no agent, no other key, no proxy,
no password, and no host key that the parameters do not contain.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from orchestrator.actions import processes
from orchestrator.actions.action import ActionError, Context, Parameters
from orchestrator.models.base import HOST_PATTERN, Duration, parse_duration

CONNECTION = 255
"""Exit code of ssh if it has no connection, or has lost it; retried."""
MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, which every container has
"""Where the private key is a file while ssh runs; it never reaches a disk."""
_REFUSED = (
    "Host key verification failed",
    "Permission denied",
    "Too many authentication failures",
    "no matching host key type found",
    "no matching key exchange method found",
    "no matching cipher found",
)
"""Messages of ssh that another attempt would get as well."""
_OPTIONS = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "GlobalKnownHostsFile": "/dev/null",
    "UpdateHostKeys": "no",
    "VerifyHostKeyDNS": "no",
    "IdentitiesOnly": "yes",
    "IdentityAgent": "none",
    "PreferredAuthentications": "publickey",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "ClearAllForwardings": "yes",
    "PermitLocalCommand": "no",
    "ProxyCommand": "none",
    "CanonicalizeHostname": "no",
    "ControlPath": "none",
    "ConnectionAttempts": "1",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "3",
    "LogLevel": "INFO",
}


class SshTarget(Parameters):
    """A host, and how it is known and entered."""

    host: Annotated[str, Field(pattern=HOST_PATTERN, max_length=253)]
    """Name or address of the host."""
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    """Port of its SSH server."""
    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@$-]*$", max_length=64)]
    """User on the host."""
    private_key: SecretStr
    """Private key of the user, in OpenSSH or PEM format, without a passphrase."""
    known_hosts: Annotated[str, Field(max_length=65536)]
    """Public keys of the host, as lines of a known_hosts file, such as those that ssh-keyscan
    prints; compare them with the host's own before you trust them. A host with another key is
    refused."""
    connect_timeout: Duration = "10s"
    """Maximum time to connect."""

    @field_validator("known_hosts")
    @classmethod
    def _has_a_key(cls, text: str) -> str:
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        if not any(len(line.split()) >= 3 for line in lines):
            raise ValueError("must contain a line such as `host.example.com ssh-ed25519 AAAA…`")
        return text

    @property
    def address(self) -> str:
        """The host for messages."""
        return f"{self.user}@{self.host}" + ("" if self.port == 22 else f":{self.port}")


@dataclass(frozen=True)
class Connection:
    """Runs commands on a host; each is a connection of its own."""

    target: SshTarget
    context: Context
    folder: Path
    """The folder of the private key and of known_hosts."""

    def run(
        self, command: str, *, stdin: str = "", timeout: float, quiet: bool = False
    ) -> processes.Ended:
        """Run a command, which the user's login shell on the host reads.

        Raises ActionError if there is no connection, or at the end of `timeout` (seconds).
        """
        log = self.folder / "log"
        log.write_bytes(b"")
        argv = [
            "ssh", "-T", "-F", "none", "-E", str(log), *self._options(),
            "-p", str(self.target.port), "-l", self.target.user, "--", self.target.host, command,
        ]  # fmt: skip
        path = self.context.environ.get("PATH") or "/usr/local/bin:/usr/bin:/bin"
        try:
            ended = processes.run(
                argv, {"PATH": path}, mask=self.context.mask, stdin=stdin, timeout=timeout,
                quiet=quiet,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ActionError(
                f"{self.target.address} did not end the command within {timeout:g} s; "
                "it may still be running there"
            ) from None
        # ssh writes its own messages to the log, so the command's own 255 leaves none.
        if ended.exit_code == CONNECTION and (words := _words(log) or _lost(ended.stderr)):
            raise self._failure(words)
        return ended

    def _options(self) -> list[str]:
        return options(self.folder, parse_duration(self.target.connect_timeout))

    def _failure(self, words: str) -> ActionError:
        message = f"no connection to {self.target.address}: {words}"
        if "Load key" in words:
            message = f"privateKey is not a private key without a passphrase: {words}"
        elif "Permission denied" in words:
            message = (
                f"{self.target.address} does not accept privateKey, or the key has a passphrase"
            )
        elif "REMOTE HOST IDENTIFICATION HAS CHANGED" in words:
            message = f"{self.target.address} has another key than knownHosts contains"
        elif "Host key verification failed" in words:
            message = f"knownHosts contains no key of {self.target.address}"
        if any(refused in words for refused in _REFUSED):
            return ActionError(message, permanent=True)
        return ActionError(message, exit_code=CONNECTION)


def options(folder: Path, connect_timeout: float) -> list[str]:
    """The options of ssh with the files of `identity`; the timeout is in seconds."""
    values = {
        **_OPTIONS,
        "UserKnownHostsFile": str(folder / "known_hosts"),
        "IdentityFile": str(folder / "key"),
        "ConnectTimeout": str(max(1, round(connect_timeout))),
    }
    return [word for name, value in values.items() for word in ("-o", f"{name}={value}")]


@contextmanager
def connection(target: SshTarget, context: Context) -> Iterator[Connection]:
    """Connections to a host; the private key is a file in memory until the context ends.

    Raises a permanent ActionError if there is no file system in memory.
    """
    with identity(target.private_key, target.known_hosts) as folder:
        yield Connection(target, context, folder)


@contextmanager
def identity(private_key: SecretStr, known_hosts: str) -> Iterator[Path]:
    """A folder with the files `key` and `known_hosts`, in memory until the context ends.

    Raises a permanent ActionError if there is no file system in memory.
    """
    try:
        folder = tempfile.TemporaryDirectory(dir=MEMORY)
    except OSError as error:
        raise ActionError(
            f"the private key cannot be written to {MEMORY}: {error.strerror}", permanent=True
        ) from None
    with folder as name:
        key = Path(name, "key")
        key.touch(0o600)
        text = private_key.get_secret_value().replace("\r\n", "\n").strip()
        key.write_text(f"{text}\n")
        Path(name, "known_hosts").write_text(f"{known_hosts}\n")
        yield Path(name)


def _lost(stderr: str) -> str:
    """The message of a lost session, the only one of ssh that is not in its log."""
    found = re.search(r"^Connection to \S+ closed by remote host(?=\.\s*\Z)", stderr, re.MULTILINE)
    return found[0] if found else ""


def _words(log: Path) -> str:
    """What ssh itself reported, as one line without ornaments and local paths."""
    text = log.read_text(errors="replace").replace(f"{log.parent}/", "")
    lines = (re.sub(r"^ssh: |^@+|@+$|\r", "", line).strip() for line in text.splitlines())
    return "; ".join(line.rstrip(".") for line in lines if line)[:1000]
