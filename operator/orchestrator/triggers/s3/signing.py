"""Signs requests as AWS Signature Version 4, which every S3-compatible storage takes.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

EMPTY = hashlib.sha256(b"").hexdigest()
"""The hash of an empty body."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key."""

    id: str
    secret: str


def signed_get(
    key: AccessKey,
    *,
    host: str,
    path: str,
    query: Mapping[str, str],
    region: str,
    now: float,
    service: str = "s3",
) -> tuple[str, dict[str, str]]:
    """The target (path and query) and the headers of a signed GET without a body.

    `host` is as in the URL, with a port that is not the default one.
    """
    moment = datetime.fromtimestamp(now, UTC)
    stamp, day = f"{moment:%Y%m%dT%H%M%SZ}", f"{moment:%Y%m%d}"
    headers = {"host": host, "x-amz-date": stamp}
    if service == "s3":
        headers["x-amz-content-sha256"] = EMPTY
    names = ";".join(sorted(headers))
    target, encoded = quote(path, safe="/~"), encoded_query(query)
    lines = [f"{name}:{headers[name]}" for name in sorted(headers)]
    canonical = "\n".join(["GET", target, encoded, *lines, "", names, EMPTY])
    scope = f"{day}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    derived = f"AWS4{key.secret}".encode()
    for part in (day, region, service, "aws4_request"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    signature = hmac.digest(derived, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key.id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return f"{target}?{encoded}" if encoded else target, headers


def encoded_query(query: Mapping[str, str]) -> str:
    """The query in the order and encoding that is signed."""
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)
