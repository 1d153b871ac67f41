"""s3-put: store a text or a file of the workspace as an object."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs, Resources
from orchestrator.actions.data.s3 import CHECKSUM, SHA256_PATTERN, StoredObject, classify, store
from orchestrator.actions.workspace import read_from

MAX_AT_ONCE = 64 * 1024 * 1024
"""Maximum size of an object that is only created, in bytes: it is sent in one request, from
memory."""
MIN_PART = 8 * 1024 * 1024
MAX_PARTS = 9000
"""Maximum number of parts of an upload; S3 allows 10,000."""
CONCURRENCY = 4


class S3Put(StoredObject):
    """Parameters of s3-put."""

    text: Annotated[str | None, Field(max_length=1048576)] = None
    """The content as a text; set either this or file."""
    file: Annotated[str, Field(max_length=1024)] = ""
    """The content as a file: its path in the workspace."""
    content_type: Annotated[str, Field(pattern=r"^[ -~]*$", max_length=255)] = ""
    """Type of the content, such as application/json."""
    create_only: bool = False
    """Whether an object of this key must not exist, by If-None-Match; up to 64 MiB."""
    sha256: Annotated[str, Field(pattern=SHA256_PATTERN)] = ""
    """SHA-256 that the content must have, in hexadecimal digits."""

    @model_validator(mode="after")
    def _one_content(self) -> S3Put:
        if (self.text is None) == (not self.file):
            raise ValueError("set either text or file")
        return self


class PutResult(Outputs):
    """Outputs of s3-put."""

    bucket: str
    """Name of the bucket."""
    key: str
    """Key of the object."""
    size: int
    """Size of the object in bytes."""
    sha256: str
    """SHA-256 of the object, in hexadecimal digits; also its metadata `sha256`."""
    etag: str = ""
    """ETag of the object."""
    version: str = ""
    """Version of the object, in a bucket with versions."""
    repeated: bool
    """Whether an earlier attempt had already created the object, with createOnly."""


def s3_put(parameters: S3Put, context: Context) -> PutResult:
    """Stores a text, or a file of the workspace, as an object in S3-compatible storage."""
    content = _content(parameters, context)
    size, sha256 = _measure(content)
    if parameters.sha256 not in ("", sha256):
        raise ActionError(
            f"the content has the SHA-256 {sha256}, not that of sha256", permanent=True
        )
    if parameters.create_only and size > MAX_AT_ONCE:
        raise ActionError(
            f"the content has {size} bytes; with createOnly at most {MAX_AT_ONCE}", permanent=True
        )
    context.log(f"storing {size} bytes as {parameters.address}")
    stored = _put(parameters, content, size, sha256)
    repeated = stored is None
    etag, version = stored or ("", "")
    context.log("an earlier attempt stored it" if repeated else "stored")
    return PutResult(
        bucket=parameters.bucket,
        key=parameters.key,
        size=size,
        sha256=sha256,
        etag=etag,
        version=version,
        repeated=repeated,
    )


def _content(parameters: S3Put, context: Context) -> bytes | Path:
    if parameters.text is not None:
        return parameters.text.encode()
    return read_from(context, parameters.file, "file")


def _measure(content: bytes | Path) -> tuple[int, str]:
    """Size and SHA-256."""
    if isinstance(content, bytes):
        return len(content), hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return file.tell(), digest.hexdigest()


def _put(
    parameters: S3Put, content: bytes | Path, size: int, sha256: str
) -> tuple[str, str] | None:
    """ETag and version of the stored object; None if it is there already, with this content."""
    import obstore
    from obstore.exceptions import AlreadyExistsError

    attributes = {CHECKSUM: sha256}
    if parameters.content_type:
        attributes["Content-Type"] = parameters.content_type
    client = store(parameters)
    try:
        stored = obstore.put(
            client,
            parameters.key,
            content,
            attributes=attributes,
            mode="create" if parameters.create_only else "overwrite",
            chunk_size=max(MIN_PART, -(-size // MAX_PARTS)),
            max_concurrency=CONCURRENCY,
        )
        return stored.get("e_tag") or "", stored.get("version") or ""
    except AlreadyExistsError:
        found = obstore.get(client, parameters.key, options={"head": True})
        if found.attributes.get(CHECKSUM) == sha256:
            return None
        raise ActionError(
            f"{parameters.address} exists already, with another content", permanent=True
        ) from None


ACTION = Action(
    name="s3-put",
    title="Store an object in S3",
    category="data",
    icon="upload",
    parameters=S3Put,
    outputs=PutResult,
    run=s3_put,
    retries=(
        "Retried: no connection, no answer in time, 408, 425, 429 and 5xx. Not retried: an access "
        "key that is refused, a bucket that does not exist, TLS that is not trusted, other 4xx. A "
        "retry stores the same content again; with createOnly it recognises the object of an "
        "earlier attempt by its SHA-256."
    ),
    classify=classify,
    resources=Resources(memory_limit="512Mi"),
    example="""
        variables:
        - {name: endpoint, type: string, default: https://s3.example.com}
        - {name: authority, type: string, default: ""}
        - {name: accessKey, type: secret, secretKeyRef: {name: storage, key: accessKey}}
        - {name: secretKey, type: secret, secretKeyRef: {name: storage, key: secretKey}}
        nodes:
        - name: store
          action: s3-put
          with:
            endpoint: "$[[ vars.endpoint ]]"
            caCertificate: "$[[ vars.authority ]]"
            accessKeyId: "$[[ vars.accessKey ]]"
            secretAccessKey: "$[[ vars.secretKey ]]"
            bucket: reports
            key: daily/report.json
            text: '{"orders": 12}'
            contentType: application/json
    """,
)
