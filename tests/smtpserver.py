"""A real SMTP server: Exim, which requires TLS and a password, and delivers to a Maildir."""

from __future__ import annotations

import email
import getpass
import grp
import os
import shutil
import smtplib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from dev.ports import free_port
from dev.servers.tools import exim
from tests.certificates import server_certificate
from tests.kube import eventually
from tests.planted import planted

USER, PASSWORD = "automation", planted("smtp", "correct horse ")
_CONFIGURATION = """
exim_user = {user}
exim_group = {group}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/pid
primary_hostname = mail.example.com
local_interfaces = {host}
daemon_smtp_ports = {port} : {tls_port} : {plain_port}
tls_on_connect_ports = {tls_port}
tls_advertise_hosts = ${{if eq{{$received_port}}{{{plain_port}}}{{}}{{*}}}}
tls_certificate = {certificate}
tls_privatekey = {key}
auth_advertise_hosts = ${{if def:tls_in_cipher{{*}}{{}}}}
acl_smtp_mail = mail
acl_smtp_rcpt = rcpt
acl_smtp_data = data
message_size_limit = 100K
deliver_drop_privilege = true
never_users =
host_lookup =
keep_environment =
begin acl
mail:
  accept condition = ${{if eq{{$received_port}}{{{plain_port}}}}}
  deny !encrypted = *
       message = 530 5.7.0 Must issue a STARTTLS command first
  deny !authenticated = *
       message = 530 5.7.0 Authentication required
  deny senders = *@forged.example.com
       message = the sender is not yours
  accept
rcpt:
  deny local_parts = nobody
       message = no such mailbox
  defer local_parts = later
       message = greylisted
  accept
data:
  deny condition = ${{if match{{$h_Subject:}}{{spam}}}}
       message = this is spam
  accept
begin routers
all:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = {folder}/mail
  user = {user}
  group = {group}
  batch_max = 100
  envelope_to_add
  return_path_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{name}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
"""


class SmtpServer:
    """A server with STARTTLS on one port, TLS on another, and neither TLS nor login on a third."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self._folder, self.host = folder, host
        self.port, self.tls_port, self.plain_port = free_port(), free_port(), free_port()
        self._user, self._group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
        if os.geteuid() == 0:
            self._user, self._group = "nobody", "nogroup"
        for name in ("spool", "log", "mail"):
            (folder / name).mkdir(parents=True)
        files = server_certificate(folder, host)
        self.authority = files.authority.read_text()
        self._configuration = folder / "exim.conf"
        self._configuration.write_text(
            _CONFIGURATION.format(
                folder=folder,
                host=host,
                user=self._user,
                group=self._group,
                port=self.port,
                tls_port=self.tls_port,
                plain_port=self.plain_port,
                certificate=files.certificate,
                key=files.key,
                name=USER,
                password=PASSWORD,
            )
        )

    @contextmanager
    def running(self) -> Iterator[SmtpServer]:
        """The server while it runs, as an ordinary user: Debian's program is setuid root."""
        program = self._folder / "exim"
        shutil.copyfile(exim(), program)
        program.chmod(0o755)
        owner: dict[str, Any] = {}
        if os.geteuid() == 0:
            for path in (self._folder, *self._folder.rglob("*")):
                shutil.chown(path, self._user, self._group)
            owner = {"user": self._user, "group": self._group, "extra_groups": []}
        command = [str(program), "-C", str(self._configuration), "-bdf", "-odb"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, **owner) as process:
            try:
                eventually(self._answers)
                yield self
            finally:
                process.terminate()

    def received(self) -> list[EmailMessage]:
        """The messages in the mailbox, oldest first."""
        paths = sorted((self._folder / "mail" / "new").glob("*"))
        return [email.message_from_bytes(path.read_bytes(), policy=default) for path in paths]

    def _answers(self) -> bool:
        try:
            with smtplib.SMTP(self.host, self.port) as session:
                return session.noop()[0] == 250
        except OSError:
            return False
