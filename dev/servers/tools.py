"""Servers for tests: built from their Go modules once and kept, or Debian's."""

from __future__ import annotations

from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.shell import which
from dev.cluster.tools import install
from dev.gotools import Tool

_MODULES = Path(__file__).parent / "modules"

VERSITYGW = Tool("versitygw", "github.com/versity/versitygw/cmd/versitygw", _MODULES / "versitygw")
"""A server with the API of S3, which keeps objects as files."""
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
