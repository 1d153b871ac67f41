"""`fileWatch`: an object of S3-compatible storage, or a file of a volume, is new or changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from orchestrator.engine.times import to_rfc3339
from orchestrator.models.base import (
    BUCKET_PATTERN,
    ENDPOINT_PATTERN,
    REGION_PATTERN,
    Duration,
    Line,
    Model,
    ObjectName,
    Text,
    Timestamp,
)
from orchestrator.models.exactly_one import ExactlyOne
from orchestrator.models.rules import exactly_one
from orchestrator.triggers.patterns import MAX_LENGTH, matcher
from orchestrator.triggers.polling import poll_problems
from orchestrator.triggers.schemes.scheme import SecretReference
from orchestrator.triggers.sources import Event, Listener, SecretKey
from orchestrator.triggers.trigger_type import TriggerType
from orchestrator.triggers.types.email import DataKey
from orchestrator.validation.problem import Problem

_ONE = ExactlyOne("a file watch", ("s3", "volume"))
MAX_KEY = 1024
"""Maximum length of a key or path, in characters: what S3 allows."""


class Keys(Model):
    """The Secret with the access key."""

    name: ObjectName
    """Name of the Secret."""
    access_key_id_key: DataKey = "accessKeyId"
    """Key of the access key's id."""
    secret_access_key_key: DataKey = "secretAccessKey"  # noqa: S105 - the name of a key
    """Key of the secret access key."""


class S3(Model):
    """Objects of a bucket. The access key needs the right to list it, `s3:ListBucket`."""

    endpoint: Annotated[str, Field(pattern=ENDPOINT_PATTERN, max_length=512)] | None = None
    """URL of the storage's API, such as `https://minio.storage.svc:9000`; that of AWS in the region
    if absent. With http:// keys and names travel unencrypted."""
    region: Annotated[str, Field(pattern=REGION_PATTERN, max_length=64)] = "us-east-1"
    """Region of the bucket."""
    bucket: Annotated[str, Field(pattern=BUCKET_PATTERN, min_length=3, max_length=255)]
    """Name of the bucket."""
    prefix: Annotated[str, Field(max_length=MAX_KEY)] = ""
    """Only objects below this prefix, a folder such as `incoming/`; of the whole bucket if
    empty."""
    ca: SecretReference | None = None
    """The authority that signed the endpoint's certificate, in PEM, beside the public ones."""
    credentials: Keys
    """The Secret with the access key."""


class WatchedVolume(Model):
    """Files of a volume that the receiver's configuration names. It says which namespaces may read
    it."""

    name: ObjectName
    """Name of the volume in the receiver's configuration."""
    path: Annotated[str, Field(max_length=MAX_KEY)] = ""
    """Only files in this folder of the volume and in those below; of the whole volume if empty."""


class FileWatch(Model):
    """Objects or files. Those that appear or change after the Trigger was created are events."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [exactly_one(_ONE)]})

    s3: S3 | None = None
    """Objects of S3-compatible storage."""
    volume: WatchedVolume | None = None
    """Files of a volume of the receiver."""
    pattern: Annotated[str, Field(min_length=1, max_length=MAX_LENGTH)] | None = None
    """Only objects or files whose path below the prefix or folder matches: `*` and `?` within a
    folder, `**` across folders. A pattern without `/` is one of the name, such as `*.csv`."""
    poll_interval: Duration = "30s"
    """Time between two listings, at least 5s."""


class FileEvent(Model):
    """The event: an object or file is new or changed."""

    key: Text
    """The key of the object, or the path of the file in the volume."""
    name: Text
    """The last part of the key or path."""
    bucket: Line | None
    """The bucket; null for a file."""
    volume: Line | None
    """The volume; null for an object."""
    etag: Line | None
    """The object's ETag; null for a file."""
    size: int
    """Its size in bytes."""
    last_modified: Timestamp
    """When it was last changed."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object or file in a listing."""

    key: str
    size: int
    modified: float
    """When it was last changed, in seconds since the epoch."""
    version: str
    """What changes with its content: the ETag, or time, size and inode of a file."""
    appeared: float
    """When this version came to be at this place. A file that is moved keeps its time."""

    @property
    def identity(self) -> str:
        """The same as long as it is not changed."""
        return f"{self.version}/{self.key}"


def event_of(settings: FileWatch, found: Found) -> Event:
    """The event of an object or file."""
    data = {
        "key": found.key,
        "name": found.key.rpartition("/")[2],
        "bucket": settings.s3.bucket if settings.s3 else None,
        "volume": settings.volume.name if settings.volume else None,
        "etag": found.version if settings.s3 else None,
        "size": found.size,
        "lastModified": to_rfc3339(found.modified),
    }
    return Event(FILE_WATCH.key, found.identity, data, found.appeared)


def chooser(settings: FileWatch) -> Callable[[str], bool]:
    """Whether a trigger listens to the key or path."""
    prefix = settings.s3.prefix if settings.s3 else folder_of(settings)
    matches = matcher(settings.pattern) if settings.pattern else None

    def chosen(key: str) -> bool:
        # Consoles create empty objects as folders.
        if key.endswith("/") or not key.startswith(prefix) or len(key) > MAX_KEY:
            return False
        return matches is None or matches(key[len(prefix) :].lstrip("/"))

    return chosen


def folder_of(settings: FileWatch) -> str:
    """The folder of a volume, with a slash at its end; empty for the whole volume."""
    path = settings.volume.path.strip("/") if settings.volume else ""
    return f"{path}/" if path else ""


def secrets_of(settings: FileWatch) -> list[SecretKey]:
    """Access key, secret key, and the authority if there is one; nothing for a volume."""
    if settings.s3 is None:
        return []
    names = settings.s3.credentials
    keys = [
        SecretKey(names.name, names.access_key_id_key),
        SecretKey(names.name, names.secret_access_key_key),
    ]
    if settings.s3.ca is not None:
        keys.append(SecretKey(settings.s3.ca.name, settings.s3.ca.key))
    return keys


def _problems(path: str, settings: FileWatch) -> Iterator[Problem]:
    given = [name for name in _ONE.fields if getattr(settings, name) is not None]
    if len(given) != 1:
        yield Problem(path, _ONE.message(given))
    yield from poll_problems(path, settings.poll_interval)
    if settings.pattern:
        try:
            matcher(settings.pattern)
        except ValueError as error:
            yield Problem(f"{path}.pattern", str(error))
    if settings.volume and {".", ".."} & set(settings.volume.path.split("/")):
        yield Problem(f"{path}.volume.path", "leads out of its folder: use no `.` or `..`")
    if settings.volume and "\0" in settings.volume.path:
        yield Problem(f"{path}.volume.path", "has a NUL character")


def _sample(settings: FileWatch, at: float) -> dict[str, Any]:
    folder = settings.s3.prefix if settings.s3 else folder_of(settings)
    key = f"{folder}sample.csv"
    return dict(event_of(settings, Found(key, 1024, at, "0123456789abcdef", at)).data)


FILE_WATCH: TriggerType[Any] = TriggerType(
    key="fileWatch",
    starts="Starts when an object of S3-compatible storage or a file of a volume is new or "
    "changed.",
    settings=FileWatch,
    event=FileEvent,
    source=Listener(secrets=secrets_of),
    problems=_problems,
    sample=_sample,
)
