"""Parameters of actions that reach S3-compatible storage, and the classification of its errors."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, SecretStr, field_validator

from orchestrator.actions.action import ActionError, Parameters
from orchestrator.models.base import (
    BUCKET_PATTERN,
    ENDPOINT_PATTERN,
    REGION_PATTERN,
    Duration,
    parse_duration,
)

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Store

CHECKSUM = "sha256"
"""Name of the metadata of an object that contains the SHA-256 of its content, in hexadecimal."""
SHA256_PATTERN = r"^([0-9a-f]{64})?$"
MAX_RETRIES = 2
_STATUS = re.compile("non-2xx status code: ([0-9]{3})")
_TRANSIENT_STATUSES = (408, 425, 429)
_UNTRUSTED = re.compile(r"InvalidCertificate\(\s*(\w+)")
_CAUSES = (re.compile(r'message: "([^"]+)"'), re.compile(r'"((?:dns|tcp|operation)[^"]+)"'))
"""Innermost first."""
_ANSWER = re.compile(r"<Code>([^<]*)</Code>(?:\s*<Message>([^<]*)</Message>)?")


class StoredObject(Parameters):
    """An object of a bucket, and how it is reached."""

    bucket: Annotated[str, Field(pattern=BUCKET_PATTERN, max_length=63)]
    """Name of the bucket."""
    key: Annotated[str, Field(min_length=1, max_length=1024)]
    """Key of the object."""
    access_key_id: SecretStr
    """Access key."""
    secret_access_key: SecretStr
    """Secret of the access key."""
    session_token: SecretStr | None = None
    """Session token, for temporary credentials."""
    endpoint: Annotated[str, Field(pattern=rf"^$|{ENDPOINT_PATTERN}", max_length=2048)] = ""
    """Address of the storage, without the bucket; absent, that of AWS in the region."""
    region: Annotated[str, Field(pattern=REGION_PATTERN, max_length=63)] = "us-east-1"
    """Region of the bucket."""
    ca_certificate: str = ""
    """PEM certificates to trust in addition to the public ones."""
    timeout: Duration = "10m"
    """Maximum time of a request; a file in parts takes several."""

    @field_validator("key")
    @classmethod
    def _is_unchanged(cls, key: str) -> str:
        """Refuse keys that clients change on their way."""
        if any(part in ("", ".", "..") for part in key.split("/")):
            raise ValueError("must not contain empty parts, . or .. between slashes")
        if not key.isprintable():
            raise ValueError("must not contain control characters")
        return key

    @property
    def address(self) -> str:
        """The object for messages."""
        return f"s3://{self.bucket}/{self.key}"


def store(target: StoredObject) -> S3Store:
    """A client; raises a permanent ActionError if caCertificate contains no certificate."""
    # Imported here: pods of other actions do not need it.
    from obstore.store import S3Store

    seconds = timedelta(seconds=parse_duration(target.timeout))
    config: S3Config = {
        "region": target.region,
        "access_key_id": target.access_key_id.get_secret_value(),
        "secret_access_key": target.secret_access_key.get_secret_value(),
    }
    if target.endpoint:
        config["endpoint"] = target.endpoint
    if target.session_token:
        config["session_token"] = target.session_token.get_secret_value()
    client: ClientConfig = {
        "timeout": seconds,
        "connect_timeout": timedelta(seconds=10),
        "allow_http": target.endpoint.startswith("http://"),
        "user_agent": "itechsmart-workflow",
    }
    if target.ca_certificate:
        client["root_certificate"] = target.ca_certificate.encode()
    retry: RetryConfig = {"max_retries": MAX_RETRIES, "retry_timeout": seconds}
    try:
        return S3Store(target.bucket, config=config, client_options=client, retry_config=retry)
    except Exception as error:
        if target.ca_certificate and "ertificate" in str(error):
            raise ActionError(
                "caCertificate contains no certificate in PEM format", permanent=True
            ) from None
        raise


def classify(error: Exception) -> ActionError | None:
    """The error of a storage as an ActionError; None for other errors."""
    from obstore import exceptions

    text = str(error)
    untrusted = _UNTRUSTED.search(text)
    match error:
        case FileNotFoundError() | exceptions.NotFoundError():
            return ActionError(f"no such bucket or object: {_message(text)}", permanent=True)
        case exceptions.PermissionDeniedError() | exceptions.UnauthenticatedError():
            message = f"the storage refuses the access key: {_message(text)}"
            return ActionError(message, permanent=True)
        case exceptions.GenericError() if untrusted:
            message = f"the certificate of the storage is not trusted: {untrusted[1]}"
            return ActionError(message, permanent=True)
        case exceptions.GenericError():
            message = f"the storage failed: {_message(text)}"
            return ActionError(message, permanent=_is_refused(text))
        case TimeoutError():
            return ActionError("the storage did not answer within the timeout")
        case exceptions.BaseError():
            message = f"the request to the storage failed: {_message(text)}"
            return ActionError(message, permanent=True)
    return None


def _is_refused(text: str) -> bool:
    """Whether the storage answered with a status that another attempt would get as well."""
    found = _STATUS.search(text)
    return bool(found and int(found[1]) < 500 and int(found[1]) not in _TRANSIENT_STATUSES)


def _message(text: str) -> str:
    """The storage's own answer, or the innermost cause, without the structures of the client."""
    before, _, structures = text.partition("Debug source:")
    causes = (cause.search(structures) for cause in _CAUSES)
    found = _ANSWER.search(before) or next((cause for cause in causes if cause), None)
    parts = [part for part in found.groups() if part] if found else [before]
    return " ".join(": ".join(parts).split())[:300]
