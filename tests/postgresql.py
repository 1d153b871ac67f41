"""A real PostgreSQL server, with TLS and passwords."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from dev.ports import free_port
from dev.servers.tools import postgresql
from tests.certificates import server_certificate
from tests.planted import planted

ADMINISTRATOR, PASSWORD = "administrator", planted("postgresql", "correct horse ")
_OWNER = "postgres"
"""Of the server's processes where the tests run as root, as which it refuses to run."""


class PostgresqlServer:
    """A server, on loopback by default, whose users have passwords."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.programs = postgresql()
        # Not below the tests' own folder, which only their user may enter.
        self.folder = Path(tempfile.mkdtemp(prefix="itw-postgresql-"))
        self.port = free_port()
        self.certificate = server_certificate(self.folder, host)
        (self.folder / "password").write_text(PASSWORD)

    def start(self) -> None:
        """Make a cluster of databases and start it."""
        if os.geteuid() == 0:
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, _OWNER, _OWNER)
        self.certificate.key.chmod(0o600)
        data = self.folder / "data"
        self._run(
            "initdb", "-D", data, "-U", ADMINISTRATOR, "-A", "scram-sha-256", "-N",
            "--encoding=UTF8", "--locale=C.UTF-8", f"--pwfile={self.folder / 'password'}",
        )  # fmt: skip
        settings = {
            "port": str(self.port),
            "listen_addresses": f"'{self.host}'",
            "unix_socket_directories": f"'{self.folder}'",
            "fsync": "off",
            "ssl": "on",
            "ssl_cert_file": f"'{self.certificate.certificate}'",
            "ssl_key_file": f"'{self.certificate.key}'",
        }
        with (data / "postgresql.conf").open("a") as configuration:
            configuration.writelines(f"{name} = {value}\n" for name, value in settings.items())
        with (data / "pg_hba.conf").open("a") as access:
            access.write("hostssl all all all scram-sha-256\n")
        self.resume()

    def halt(self) -> None:
        """End it at once, as a crash does; `resume` starts it again with its data."""
        self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")

    def resume(self) -> None:
        """Start it again; it recovers what was committed."""
        data = self.folder / "data"
        self._run("pg_ctl", "-D", data, "-w", "-l", self.folder / "log", "start")

    def stop(self) -> None:
        """End it, and remove its databases."""
        self.halt()
        shutil.rmtree(self.folder)

    def sql(self, *statements: str, database: str = "postgres") -> str:
        """What psql prints for statements of the administrator."""
        commands = [word for statement in statements for word in ("-c", statement)]
        printed = self._run(
            "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.host,
            "-p", self.port, "-U", ADMINISTRATOR, "-d", database, *commands,
        )  # fmt: skip
        return printed.strip()

    def parameters(self, database: str = "postgres") -> dict[str, Any]:
        """How an action reaches it as the administrator, without the password."""
        return {
            "host": self.host,
            "port": self.port,
            "database": database,
            "user": ADMINISTRATOR,
            "caCertificate": self.certificate.authority.read_text(),
        }

    def _run(self, program: str, *arguments: str | int | Path) -> str:
        command = [str(self.programs / program), *map(str, arguments)]
        if os.geteuid() == 0:
            other = (f"--reuid={_OWNER}", f"--regid={_OWNER}", "--clear-groups", "--")
            command = ["setpriv", *other, *command]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PGPASSWORD": PASSWORD},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stdout}"
        return done.stdout
