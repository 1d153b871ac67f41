"""A real S3-compatible server: versitygw, which stores objects as files."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import obstore
from obstore.store import S3Store

from dev.ports import free_port
from dev.servers.tools import VERSITYGW
from orchestrator.triggers.types.file_watch import Found
from tests.certificates import ServerCertificate, server_certificate
from tests.kube import eventually
from tests.planted import planted

ACCESS_KEY, SECRET_KEY = "tests", planted("storage", "a secret access key ")
REGION = "us-east-1"


class ObjectStore:
    """A server with buckets, over TLS, on loopback by default."""

    def __init__(self, folder: Path, *, host: str = "127.0.0.1") -> None:
        self.host = host
        self._folder = folder / "buckets"
        self._folder.mkdir(parents=True)
        self._log = folder / "log"
        self.port = free_port()
        self.address = f"{host}:{self.port}"
        self.endpoint = f"https://{self.address}"
        self.certificate: ServerCertificate = server_certificate(folder, host)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        files = self.certificate
        command = [
            str(VERSITYGW.path()), "--port", f"{self.host}:{self.port}", "--region", REGION,
            "--cert", str(files.certificate), "--key", str(files.key), "posix", str(self._folder),
        ]  # fmt: skip
        environ = {**os.environ, "ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        eventually(self._answers)

    def stop(self) -> None:
        """End it at once, as if its machine was lost: it would wait for open connections."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def make_bucket(self, name: str) -> None:
        """Make a bucket."""
        (self._folder / name).mkdir()

    def fill(self, bucket: str, count: int) -> None:
        """Write `count` small objects into a bucket, bypassing the server."""
        for number in range(count):
            folder = self._folder / bucket / f"{number // 1000:03}"
            folder.mkdir(exist_ok=True)
            (folder / f"{number}.csv").write_bytes(b"old")

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Put an object, as any program does."""
        obstore.put(self._store(bucket), key, content)

    def get(self, bucket: str, key: str) -> bytes:
        """The content of an object."""
        return bytes(obstore.get(self._store(bucket), key).bytes())

    def keys(self, bucket: str) -> list[str]:
        """The keys of all objects of a bucket."""
        listed = obstore.list(self._store(bucket)).collect()
        return sorted(each["path"] for each in listed)

    def found(self, bucket: str) -> list[Found]:
        """All objects of a bucket, as a listing shows them."""
        listed = obstore.list(self._store(bucket)).collect()
        found = []
        for each in listed:
            at = float(int(each["last_modified"].timestamp()))
            etag = str(each["e_tag"]).strip('"')
            found.append(Found(each["path"], each["size"], at, etag, at))
        return found

    def _store(self, bucket: str) -> S3Store:
        return S3Store(
            bucket,
            endpoint=self.endpoint,
            region=REGION,
            access_key_id=ACCESS_KEY,
            secret_access_key=SECRET_KEY,
            client_options={"root_certificate": self.certificate.authority.read_bytes()},
        )

    def _answers(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex((self.host, self.port)) == 0
