"""`trigger send`: signs a request as its sender would, and sends it to the receiver."""

from __future__ import annotations

import base64
import binascii
import json
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.cli.connection import Raw, Target
from orchestrator.cli.linting import connect_if_possible
from orchestrator.cli.printing import now
from orchestrator.cli.terminal import say
from orchestrator.kube.resources import SECRETS, TRIGGERS
from orchestrator.operations.trigger import called
from orchestrator.operations.trigger_request import (
    Content,
    SignedRequest,
    sign_request,
    source_of,
)
from orchestrator.session.errors import UnreachableError, UsageError, in_options
from orchestrator.session.manifests import Document, read_documents
from orchestrator.session.trigger_starts import read_on_cluster
from orchestrator.triggers.registry import Trigger

_OPTIONS = {"secret": "--secret-file", "body": "--body"}
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Given:
    """What the user gives of a request."""

    body: str | None = None
    """A file."""
    headers: Sequence[str] = ()
    """As NAME: VALUE."""
    identity: str = ""
    """The delivery id; random if empty."""
    secret_file: Path | None = None


@dataclass(frozen=True)
class Receiver:
    """Where the receiver is, and how it is reached."""

    url: str
    ca_file: Path | None = None
    certificate: Path | None = None
    """Client certificate and its key, in one PEM file."""


@dataclass(frozen=True)
class Sought:
    """Which Trigger a request is for."""

    name: str = ""
    """Its name; with a file that has one Trigger it may be empty."""
    file: str = ""
    """A file with its manifest; the one on the cluster is used if empty."""


def send_request(
    target: Target, sought: Sought, given: Given, receiver: Receiver, *, dry_run: bool
) -> int:
    """Sign and send a request to a Trigger; returns 1 if the receiver does not answer 2xx."""
    content = content_of(given)
    trigger = _of_file(target, sought) if sought.file else _of_cluster(target, sought.name)
    read = read_on_cluster(trigger)
    with in_options():
        source_of(trigger, read)
    secret = _secret(target, trigger, read, given)
    identity = given.identity or str(uuid.uuid4())
    with in_options(_OPTIONS):
        request = sign_request(trigger, read, content, secret, identity, now())
    if dry_run:
        _print(request, receiver)
        return 0
    status, text = _post(request, receiver)
    say(f"{status} {text.strip()}")
    return 0 if 200 <= status < 300 else 1


def choose_trigger(documents: Sequence[Document], file: str, name: str, how: str) -> Document:
    """The Trigger of this name, or the only one if it is empty; `how` says how to choose.

    Raises UsageError.
    """
    found = [each for each in documents if each.resource is TRIGGERS]
    if name:
        found = [each for each in found if each.name == name]
    if not found:
        raise UsageError(f"{file}: there is no Trigger{f' {name}' if name else ''}")
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise UsageError(f"{file}: there are several Triggers: choose one of {names} {how}")
    return found[0]


def _of_file(target: Target, sought: Sought) -> Raw:
    """The Trigger as written, with its namespace; a cluster is not needed."""
    documents, problems = read_documents([sought.file])
    if problems:
        raise UsageError("\n".join(problems))
    document = choose_trigger(documents, sought.file, sought.name, "by name")
    namespace = document.namespace or target.namespace
    if namespace is None:
        cluster, _ = connect_if_possible(target, offline=False)
        namespace = cluster.namespace if cluster else "default"
    return {**document.raw, "metadata": {**document.raw["metadata"], "namespace": namespace}}


def _of_cluster(target: Target, name: str) -> Raw:
    if not name:
        raise UsageError("name the Trigger, or give a file with it: -f FILE")
    return target.connect().get(TRIGGERS, name)


def content_of(given: Given) -> Content:
    """The body and the headers. Raises UsageError."""
    headers = {}
    for text in given.headers:
        key, colon, value = text.partition(":")
        if not colon or not key.strip():
            raise UsageError(f"--header {text}: write NAME: VALUE")
        headers[key.strip()] = value.strip()
    if given.body is None:
        return Content(None, headers)
    try:
        body = sys.stdin.buffer.read() if given.body == "-" else Path(given.body).read_bytes()
    except OSError as error:
        raise UsageError(f"--body: {given.body}: {error.strerror}") from error
    return Content(body, headers)


def _secret(target: Target, trigger: Raw, read: Trigger, given: Given) -> bytes:
    """The Trigger's first secret, from the file or the cluster; empty if it needs none."""
    source = read.type.source
    if given.secret_file is not None:
        try:
            return given.secret_file.read_bytes().rstrip(b"\r\n")
        except OSError as error:
            raise UsageError(f"--secret-file: {given.secret_file}: {error.strerror}") from error
    with in_options():
        source = source_of(trigger, read)
    if source.authenticates:
        if token := target.connect().token:
            return token.encode()
        raise UsageError(
            "--secret-file: give a file with a token for the API server, such as that of `kubectl"
            " create token`; your kubeconfig has none"
        )
    keys = source.secrets(read.settings)
    if not keys:
        return b""
    cluster = target.connect().within(trigger["metadata"]["namespace"])
    found: Mapping[str, Any] = cluster.get(SECRETS, keys[0].name).get("data") or {}
    try:
        value = base64.b64decode(found.get(keys[0].key) or "").rstrip(b"\r\n")
    except (binascii.Error, ValueError):
        value = b""
    if not value:
        raise UsageError(f"Secret {keys[0].name} has no key {keys[0].key} for {called(trigger)}")
    return value


def _post(request: SignedRequest, receiver: Receiver) -> tuple[int, str]:
    import urllib3

    options: dict[str, Any] = {}
    if receiver.ca_file is not None:
        options["ca_certs"] = str(receiver.ca_file)
    if receiver.certificate is not None:
        options["cert_file"] = str(receiver.certificate)
    url = f"{receiver.url.rstrip('/')}{request.path}"
    with urllib3.PoolManager(retries=False, timeout=TIMEOUT_SECONDS, **options) as pool:
        try:
            answer = pool.request("POST", url, body=request.body, headers=request.headers)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise UnreachableError(f"--url {receiver.url}: {error}") from error
    text: str = answer.data.decode("utf-8", "replace")
    return answer.status, text


def _print(request: SignedRequest, receiver: Receiver) -> None:
    """The request as a program would send it."""
    say(f"POST {receiver.url.rstrip('/')}{request.path}")
    for name, value in request.headers.items():
        say(f"{name}: {value}")
    say("")
    try:
        say(json.dumps(json.loads(request.body), indent=2))
    except ValueError:
        say(request.body.decode("utf-8", "replace"))
