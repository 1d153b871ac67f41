"""Chunks of logs as objects of S3-compatible storage."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.history.database import UnavailableError
from orchestrator.models.base import BUCKET_PATTERN

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config, S3Store

REQUEST_SECONDS = 60.0
_URL = re.compile(r"s3://(?P<bucket>[^/]+)(?:/(?P<prefix>.*))?")
_PREFIX = re.compile(r"[A-Za-z0-9!_.'()-]+(?:/[A-Za-z0-9!_.'()-]+)*")
_CREDENTIALS = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
}
"""Options of the client, and the environment variables or files of their values."""


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """Where chunks are stored, and how the storage is reached."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    """That of AWS in the region if empty."""
    region: str = "us-east-1"
    authority: Path | None = None
    """A file of certificates in PEM to trust, besides the public ones."""
    credentials: Path | None = None
    """A folder with files of the names of the environment variables, such as a mounted Secret."""

    @classmethod
    def parse(cls, url: str) -> tuple[str, str]:
        """Bucket and prefix of `s3://BUCKET/PREFIX`. Raises ValueError."""
        match = _URL.fullmatch(url)
        if match is None or not re.fullmatch(BUCKET_PATTERN, match["bucket"]):
            raise ValueError(f"must be s3://BUCKET or s3://BUCKET/PREFIX, not {url[:200]!r}")
        prefix = (match["prefix"] or "").strip("/")
        odd = any(part in (".", "..") for part in prefix.split("/"))
        if prefix and (odd or not _PREFIX.fullmatch(prefix)):
            raise ValueError("the prefix may have letters, digits and !_.'()- between slashes")
        return match["bucket"], prefix


class LogBucket:
    """Objects below a prefix. Every method raises UnavailableError."""

    def __init__(self, address: BucketAddress) -> None:
        """Raises ValueError if the credentials or the authority cannot be read."""
        self._prefix = f"{address.prefix}/" if address.prefix else ""
        self._name = address.bucket
        self._store = _client(address)

    async def put(self, key: str, body: bytes) -> None:
        """Create or replace an object."""
        import obstore

        async with self._reached():
            await obstore.put_async(self._store, self._prefix + key, body)

    async def get(self, key: str) -> bytes | None:
        """The content of an object; None if there is none."""
        import obstore

        async with self._reached():
            try:
                found = await obstore.get_async(self._store, self._prefix + key)
                return bytes(await found.bytes_async())
            except FileNotFoundError:
                return None

    async def remove(self, keys: Collection[str]) -> None:
        """Remove objects, which need not exist."""
        import obstore

        if keys:
            async with self._reached():
                for key in keys:
                    with suppress(FileNotFoundError):
                        await obstore.delete_async(self._store, self._prefix + key)

    async def remove_all(self, folder: str) -> None:
        """Remove all objects below a key."""
        import obstore

        async with self._reached():
            listed = await obstore.list(self._store, f"{self._prefix}{folder}/").collect_async()
            paths = [each["path"].removeprefix(self._prefix) for each in listed]
        await self.remove(paths)

    @asynccontextmanager
    async def _reached(self) -> AsyncIterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, TimeoutError, OSError) as error:
            words = " ".join(str(error).split())[:300]
            raise UnavailableError(f"the bucket {self._name}: {words}") from error


def _client(address: BucketAddress) -> S3Store:
    from obstore.store import S3Store

    config: S3Config = {"region": address.region, **_credentials(address.credentials)}
    if address.endpoint:
        config["endpoint"] = address.endpoint
    client: ClientConfig = {
        "timeout": timedelta(seconds=REQUEST_SECONDS),
        "connect_timeout": timedelta(seconds=10),
        "allow_http": address.endpoint.startswith("http://"),
        "user_agent": "itechsmart-workflow",
    }
    try:
        if address.authority is not None:
            client["root_certificate"] = address.authority.read_bytes()
        return S3Store(
            address.bucket,
            config=config,
            client_options=client,
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=REQUEST_SECONDS)},
        )
    except OSError as error:
        raise ValueError(f"the authority {address.authority}: {error}") from error
    except Exception as error:
        if address.authority is not None and "ertificate" in str(error):
            raise ValueError(f"{address.authority} contains no certificate in PEM") from error
        raise


def _credentials(folder: Path | None) -> S3Config:
    """From the files of a folder, otherwise from the environment.

    Without an access key the client asks the platform, such as the metadata of an instance.
    """
    found: S3Config = {}
    for option, variable in _CREDENTIALS.items():
        value = os.environ.get(variable, "")
        if folder is not None:
            value = _file(folder / variable, required=option != "session_token")
        if value:
            found[option] = value  # type: ignore[literal-required]
    return found


def _file(path: Path, *, required: bool) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        if required:
            raise ValueError(f"there is no file {path}") from None
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error
