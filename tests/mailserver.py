"""A real IMAP server: Dovecot, with TLS, and delivery over LMTP."""

from __future__ import annotations

import getpass
import grp
import imaplib
import os
import shutil
import smtplib
import ssl
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dev.ports import free_port
from dev.servers.tools import dovecot
from tests.certificates import ServerCertificate, server_certificate
from tests.kube import eventually
from tests.planted import planted

PASSWORD = planted("mailbox", "correct horse ")
_CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap lmtp
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
ssl_dh =
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail/%u
imap_idle_notify_interval = 10 s
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {start_tls_port}
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
"""


class MailServer:
    """A server with mailboxes for any user. It runs as an ordinary user, as Dovecot demands."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port, self.start_tls_port, self._lmtp = free_port(), free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._user, self._group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
        for name in ("run", "mail"):
            (folder / name).mkdir(parents=True)
        self.certificate: ServerCertificate = server_certificate(folder)
        self.passwords: dict[str, str] = {}
        if os.geteuid() == 0:
            self._user, self._group = "nobody", "nogroup"
        text = _CONFIGURATION.format(
            folder=folder,
            user=self._user,
            group=self._group,
            certificate=self.certificate.certificate,
            key=self.certificate.key,
            port=self.port,
            start_tls_port=self.start_tls_port,
            lmtp_port=self._lmtp,
        )
        (folder / "dovecot.conf").write_text(text)
        self.set_password("alice", PASSWORD)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        owner: dict[str, Any] = {}
        if os.geteuid() == 0:
            for path in (self._folder, *self._folder.rglob("*")):
                shutil.chown(path, self._user, self._group)
            owner = {"user": self._user, "group": self._group, "extra_groups": []}
        command = [str(dovecot()), "-F", "-c", str(self._folder / "dovecot.conf")]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, **owner)
        eventually(self._answers)

    def stop(self) -> None:
        """End it, and every connection."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def set_password(self, user: str, password: str) -> None:
        """Give a user a password, instead of the one before."""
        self.passwords[user] = password
        lines = [f"{name}:{{PLAIN}}{text}::::::" for name, text in self.passwords.items()]
        (self._folder / "users").write_text("\n".join(lines) + "\n")

    def deliver(self, *messages: bytes, user: str = "alice") -> None:
        """Deliver messages as a mail transfer agent does."""
        with smtplib.LMTP("127.0.0.1", self._lmtp) as lmtp:
            for message in messages:
                lmtp.sendmail("sender@example.com", [user], message)

    def fill(self, count: int, user: str) -> None:
        """Write `count` small messages into the mailbox, bypassing the server."""
        folder = self._folder / "mail" / user / "new"
        for path in (folder, folder.with_name("cur"), folder.with_name("tmp")):
            path.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            text = f"From: a@example.com\nMessage-ID: <old-{number}@example.com>\n\nold\n"
            (folder / f"{1_600_000_000 + number}.M{number}.host").write_text(text)
        if os.geteuid() == 0:
            for path in (folder.parent, *folder.parent.rglob("*")):
                shutil.chown(path, self._user, self._group)

    def renumber(self, user: str) -> None:
        """Restart the server without what it knows of the UIDs of a mailbox, as after a restore."""
        self.stop()
        for path in (self._folder / "mail" / user).glob("dovecot*"):
            path.unlink()
        self.start()

    def validity(self, user: str) -> str:
        """The UIDVALIDITY of the mailbox."""
        session = self.login(user)
        session.select("INBOX", readonly=True)
        _, found = session.response("UIDVALIDITY")
        session.logout()
        return (found[0] or b"").decode()

    def login(self, user: str = "alice") -> imaplib.IMAP4_SSL:
        """A session of a mail program."""
        context = ssl.create_default_context(cafile=self.certificate.authority)
        session = imaplib.IMAP4_SSL("127.0.0.1", self.port, ssl_context=context)
        session.login(user, self.passwords[user])
        return session

    def append(self, messages: Iterable[bytes], user: str = "alice") -> None:
        """Put messages into the mailbox, as a mail program does."""
        session = self.login(user)
        for message in messages:
            session.append("INBOX", "", "", message)
        session.logout()

    def _answers(self) -> bool:
        try:
            self.login().logout()
        except OSError:
            return False
        return True
