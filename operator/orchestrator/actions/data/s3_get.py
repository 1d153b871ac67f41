"""s3-get: read an object, as a text or into a file of the workspace."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.data.s3 import CHECKSUM, SHA256_PATTERN, StoredObject, classify, store
from orchestrator.actions.workspace import written_to

MAX_TEXT = 64 * 1024
"""Maximum size of an object that is read as a text, in bytes."""
MIN_CHUNK = 1024 * 1024


class S3Get(StoredObject):
    """Parameters of s3-get."""

    file: Annotated[str, Field(max_length=1024)] = ""
    """Path in the workspace of the file to write; absent, the object becomes an output as text."""
    max_size: Annotated[int, Field(ge=1)] = 1073741824
    """Maximum size of the object in bytes; a larger one is not read."""
    sha256: Annotated[str, Field(pattern=SHA256_PATTERN)] = ""
    """SHA-256 that the object must have, in hexadecimal digits; absent, that of its metadata
    `sha256`, if it has any."""


class GetResult(Outputs):
    """Outputs of s3-get."""

    bulky = ("text",)

    text: str = ""
    """The object as text, without file."""
    file: str = ""
    """Path of the file in the workspace, with file."""
    size: int
    """Size of the object in bytes."""
    sha256: str
    """SHA-256 of the object, in hexadecimal digits."""
    verified: bool
    """Whether the SHA-256 was compared with another one."""
    etag: str = ""
    """ETag of the object."""
    content_type: str = ""
    """Type of the content."""
    last_modified: str
    """When the object was stored (RFC 3339)."""
    truncated: bool = False
    """Whether the text was shortened."""


def s3_get(parameters: S3Get, context: Context) -> GetResult:
    """Reads an object of S3-compatible storage, as a text or into a file of the workspace."""
    import obstore

    target = written_to(context, parameters.file, "file") if parameters.file else None
    found = obstore.get(store(parameters), parameters.key)
    size = found.meta["size"]
    _check_size(parameters, size)
    context.log(f"reading {size} bytes of {parameters.address}")
    expected = parameters.sha256 or str(found.attributes.get(CHECKSUM, ""))
    chunks = found.stream(min_chunk_size=MIN_CHUNK)
    if target is None:
        content = b"".join(map(bytes, chunks))
        sha256 = hashlib.sha256(content).hexdigest()
        _check_sum(parameters, sha256, expected)
        text = _text(content)
    else:
        sha256, text = _save(parameters, chunks, target, expected), ""
    context.log("read" + (", its SHA-256 is as expected" if expected else ""))
    return GetResult(
        text=text,
        file=parameters.file,
        size=size,
        sha256=sha256,
        verified=bool(expected),
        etag=found.meta.get("e_tag") or "",
        content_type=str(found.attributes.get("Content-Type", "")),
        last_modified=f"{found.meta['last_modified']:%Y-%m-%dT%H:%M:%SZ}",
    )


def _check_size(parameters: S3Get, size: int) -> None:
    if size > parameters.max_size:
        raise ActionError(
            f"{parameters.address} has {size} bytes; maxSize is {parameters.max_size}",
            permanent=True,
        )
    if size > MAX_TEXT and not parameters.file:
        raise ActionError(
            f"{parameters.address} has {size} bytes; set file for objects of more than {MAX_TEXT}",
            permanent=True,
        )


def _check_sum(parameters: S3Get, sha256: str, expected: str) -> None:
    if expected and sha256 != expected:
        raise ActionError(
            f"{parameters.address} has the SHA-256 {sha256}, not {expected[:64]}", permanent=True
        )


def _save(parameters: S3Get, chunks: Iterable[bytes], target: Path, expected: str) -> str:
    """Write the object to a file, which is there only once it is complete; its SHA-256."""
    partial = target.with_name(f"{target.name}.partial")
    digest = hashlib.sha256()
    try:
        partial.unlink(missing_ok=True)  # of an interrupted attempt
        # Not through a link that a script of the workflow may have put there.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(partial, flags, 0o666), "wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        _check_sum(parameters, digest.hexdigest(), expected)
        partial.replace(target)
    except OSError as error:
        raise ActionError(f"file cannot be written: {error.strerror}", permanent=True) from None
    finally:
        with suppress(OSError):
            partial.unlink()
    return digest.hexdigest()


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ActionError("the object is no text in UTF-8; set file", permanent=True) from None


ACTION = Action(
    name="s3-get",
    title="Read an object of S3",
    category="data",
    icon="download",
    parameters=S3Get,
    outputs=GetResult,
    run=s3_get,
    retries=(
        "Retried: no connection, no answer in time, 408, 425, 429 and 5xx. Not retried: an object "
        "or bucket that does not exist, an access key that is refused, TLS that is not trusted, a "
        "SHA-256 that differs, other 4xx. It only reads the storage, and a retry writes the file "
        "again."
    ),
    classify=classify,
    example="""
        variables:
        - {name: endpoint, type: string, default: https://s3.example.com}
        - {name: authority, type: string, default: ""}
        - {name: accessKey, type: secret, secretKeyRef: {name: storage, key: accessKey}}
        - {name: secretKey, type: secret, secretKeyRef: {name: storage, key: secretKey}}
        nodes:
        - name: read
          action: s3-get
          with:
            endpoint: "$[[ vars.endpoint ]]"
            caCertificate: "$[[ vars.authority ]]"
            accessKeyId: "$[[ vars.accessKey ]]"
            secretAccessKey: "$[[ vars.secretKey ]]"
            bucket: reports
            key: daily/report.json
    """,
)
