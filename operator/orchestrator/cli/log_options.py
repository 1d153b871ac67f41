"""Options of kept logs, which the recorder writes and the API reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.models.base import ENDPOINT_PATTERN, REGION_PATTERN
from orchestrator.session.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.history.logs.bucket import LogBucket

DATABASE, OFF = "database", "off"
MISSING = "logs in a bucket need obstore: install itechsmart-workflow[history]"

LogPlace = Annotated[
    str,
    typer.Option(
        "--logs",
        metavar="PLACE",
        help="Where logs of nodes are kept: database, s3://BUCKET/PREFIX, or off.",
    ),
]
LogEndpoint = Annotated[
    str,
    typer.Option(
        "--logs-endpoint",
        metavar="URL",
        help="Address of the S3-compatible storage; that of AWS in the region if empty.",
    ),
]
LogRegion = Annotated[
    str, typer.Option("--logs-region", metavar="REGION", help="Region of the bucket.")
]
LogAuthority = Annotated[
    Path | None,
    typer.Option(
        "--logs-ca",
        metavar="FILE",
        help="Certificates in PEM that the storage is trusted by, besides the public ones.",
    ),
]
LogCredentials = Annotated[
    Path | None,
    typer.Option(
        "--logs-credentials",
        metavar="FOLDER",
        help="Folder with the files AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if needed,"
        " AWS_SESSION_TOKEN, such as a mounted Secret; otherwise the environment has them.",
    ),
]


def bucket_of(
    place: str, endpoint: str, region: str, authority: Path | None, credentials: Path | None
) -> LogBucket | None:
    """The bucket that the options name; None for the database or none. Raises UsageError."""
    if place in (DATABASE, OFF):
        if endpoint or authority or credentials:
            raise UsageError("--logs-endpoint, --logs-ca and --logs-credentials need --logs s3://…")
        return None
    if not place.startswith("s3://"):
        raise UsageError(f"--logs must be database, s3://BUCKET/PREFIX or off, not {place[:200]!r}")
    if endpoint and not re.fullmatch(ENDPOINT_PATTERN, endpoint):
        raise UsageError("--logs-endpoint must be http(s)://HOST or http(s)://HOST:PORT")
    if not re.fullmatch(REGION_PATTERN, region):
        raise UsageError("--logs-region must be a name such as us-east-1")
    from orchestrator.history.logs.bucket import BucketAddress, LogBucket

    try:
        bucket, prefix = BucketAddress.parse(place)
        return LogBucket(BucketAddress(bucket, prefix, endpoint, region, authority, credentials))
    except ValueError as error:
        raise UsageError(f"--logs: {error}") from error
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise UsageError(MISSING) from error
