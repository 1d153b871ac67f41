"""A real SSH server: OpenSSH for the user of the tests, with its own keys."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from dev.ports import free_port
from dev.servers.tools import sshd
from tests.kube import eventually

_CONFIGURATION = """
Port {port}
ListenAddress {host}
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding no
Subsystem sftp internal-sftp
"""


def make_key(path: Path, *, passphrase: str = "") -> str:
    """A new key pair; the line of its public key."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f", str(path)],
        check=True,
    )
    return path.with_suffix(".pub").read_text().strip()


class SshServer:
    """A server, on loopback by default, which any holder of `key` enters."""

    def __init__(
        self,
        folder: Path,
        variables: Mapping[str, str] | None = None,
        *,
        host: str = "127.0.0.1",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.host = host
        self.folder, self.port, self.user = folder, free_port(), getpass.getuser()
        kind, host_key, _ = make_key(folder / "host").split()
        self.known_hosts = f"[{host}]:{self.port} {kind} {host_key}"
        (folder / "authorized").write_text(make_key(folder / "client") + "\n")
        self.key = (folder / "client").read_text()
        text = _CONFIGURATION.format(host=host, port=self.port, folder=folder)
        if variables:
            settings = " ".join(f'"{name}={value}"' for name, value in variables.items())
            text += f"SetEnv {settings}\n"
        (folder / "sshd_config").write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        command = [str(sshd()), "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(self._answers)

    def stop(self) -> None:
        """End it; sessions go on."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def parameters(self) -> dict[str, object]:
        """How an action reaches it, without the key."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "knownHosts": self.known_hosts,
        }

    def _answers(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex((self.host, self.port)) == 0
