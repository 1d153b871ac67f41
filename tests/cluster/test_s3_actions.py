"""s3-put and s3-get with a real server that has the API of S3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dev.ports import free_port
from orchestrator.actions.action import PERMANENT, USAGE
from tests.actions import ActionRun
from tests.examples import example
from tests.objectstore import ACCESS_KEY, SECRET_KEY, ObjectStore

PROVES = {"versitygw, a server with the API of S3": ["s3-put", "s3-get"]}


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    started = ObjectStore(tmp_path_factory.mktemp("storage"))
    started.make_bucket("reports")
    started.start()
    yield started
    started.stop()


@pytest.fixture
def s3(storage: ObjectStore, tmp_path: Path) -> ActionRun:
    """Actions on a key of the test's own."""
    secrets = {"accessKeyId": ACCESS_KEY, "secretAccessKey": SECRET_KEY}
    shared = {
        "endpoint": storage.endpoint,
        "caCertificate": storage.certificate.authority.read_text(),
        "bucket": "reports",
        "key": f"{tmp_path.name}/object",
    }
    return ActionRun(tmp_path, secrets, shared)


def test_a_text_is_stored_and_read(s3: ActionRun) -> None:
    text = '{"orders": "zwölf"}'
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    put = s3("s3-put", text=text, contentType="application/json")
    assert put.code == 0, put.message
    etag = put.outputs.pop("etag")
    assert put.outputs == {
        "bucket": "reports",
        "key": s3.parameters["key"],
        "size": len(text.encode()),
        "sha256": sha256,
        "version": "",
        "repeated": False,
    }
    got = s3("s3-get")
    assert got.outputs.pop("lastModified").endswith("Z")
    assert got.outputs == {
        "text": text,
        "file": "",
        "size": len(text.encode()),
        "sha256": sha256,
        "verified": True,
        "etag": etag,
        "contentType": "application/json",
        "truncated": False,
    }


def test_a_file_in_parts_is_stored_and_read(s3: ActionRun) -> None:
    workspace = s3.folder / "workspace"
    workspace.mkdir()
    content = bytes(range(256)) * 80_000  # 20 MB: three parts
    (workspace / "large").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    put = s3("s3-put", file="large", sha256=sha256)
    assert (put.code, put.outputs["size"]) == (0, len(content)), put.message
    got = s3("s3-get", file="copy/large", sha256=sha256)
    assert got.code == 0, got.message
    assert (got.outputs["sha256"], got.outputs["verified"]) == (sha256, True)
    assert (workspace / "copy/large").read_bytes() == content
    assert [path.name for path in (workspace / "copy").iterdir()] == ["large"]


def test_a_file_is_not_written_through_a_link_that_a_script_left(s3: ActionRun) -> None:
    s3("s3-put", text="new")
    workspace, outside = s3.folder / "workspace", s3.folder / "outside"
    outside.write_text("old")
    (workspace / "copy.partial").symlink_to(outside)
    got = s3("s3-get", file="copy")
    assert got.code == 0, got.message
    assert ((workspace / "copy").read_text(), outside.read_text()) == ("new", "old")
    assert not (workspace / "copy").is_symlink()


def test_an_object_is_created_once_and_a_retry_recognises_it(s3: ActionRun) -> None:
    first = s3("s3-put", text="one", createOnly=True)
    assert (first.code, first.outputs["repeated"]) == (0, False), first.message
    again = s3("s3-put", attempt=2, text="one", createOnly=True)
    assert (again.code, again.outputs["repeated"]) == (0, True), again.message
    other = s3("s3-put", text="two", createOnly=True)
    assert (other.code, "exists already, with another content" in other.message) == (
        PERMANENT,
        True,
    )
    assert s3("s3-get").outputs["text"] == "one"
    assert s3("s3-put", text="two").outputs["repeated"] is False
    assert s3("s3-get").outputs["text"] == "two"


def test_content_that_differs_from_its_checksum_is_neither_stored_nor_kept(s3: ActionRun) -> None:
    wrong = "0" * 64
    ended = s3("s3-put", text="one", sha256=wrong)
    assert (ended.code, "not that of sha256" in ended.message) == (PERMANENT, True)
    assert "no such bucket or object" in s3("s3-get").message
    s3("s3-put", text="one")
    given: tuple[dict[str, Any], ...] = ({}, {"file": "copy"})
    for parameters in given:
        ended = s3("s3-get", sha256=wrong, **parameters)
        assert (ended.code, f"not {wrong}" in ended.message) == (PERMANENT, True)
    assert list((s3.folder / "workspace").iterdir()) == []


def test_an_object_without_metadata_is_read_unverified(s3: ActionRun, storage: ObjectStore) -> None:
    storage.put("reports", s3.parameters["key"], b"\xff")
    got = s3("s3-get", file="copy")
    assert (got.code, got.outputs["verified"]) == (0, False), got.message
    ended = s3("s3-get")
    assert (ended.code, "no text in UTF-8" in ended.message) == (PERMANENT, True)


def test_objects_that_are_too_large_are_not_read(s3: ActionRun, storage: ObjectStore) -> None:
    storage.put("reports", s3.parameters["key"], b"x" * 70_000)
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, "set file for objects of more than 65536"),
        ({"file": "copy", "maxSize": 1000}, "has 70000 bytes; maxSize is 1000"),
    )
    for parameters, words in cases:
        ended = s3("s3-get", **parameters)
        assert (ended.code, words in ended.message) == (PERMANENT, True), ended.message
    storage.put("reports", s3.parameters["key"], b"x" * 10_000)
    shortened = s3("s3-get").outputs
    assert (shortened["size"], shortened["truncated"]) == (10_000, True)


@pytest.mark.parametrize("action", ["s3-put", "s3-get"])
def test_what_another_attempt_cannot_mend_is_permanent(s3: ActionRun, action: str) -> None:
    put: dict[str, Any] = {"text": "x"} if action == "s3-put" else {}
    secret = replace(s3, secrets={**s3.secrets, "secretAccessKey": "another secret"})
    for ended, words in (
        (secret(action, **put), "the storage refuses the access key"),
        (s3(action, bucket="nowhere", **put), "no such bucket or object"),
        (s3(action, caCertificate="", **put), "is not trusted: UnknownIssuer"),
        (s3(action, caCertificate="x", **put), "caCertificate contains no certificate"),
        (s3(action, file="../x"), "leads out of the workspace"),
    ):
        assert (ended.code, words in ended.message) == (PERMANENT, True), ended
        assert "another secret" not in ended.message


@pytest.mark.parametrize("action", ["s3-put", "s3-get"])
def test_no_connection_is_retried(s3: ActionRun, action: str) -> None:
    put: dict[str, Any] = {"text": "x"} if action == "s3-put" else {}
    ended = s3(action, endpoint=f"https://127.0.0.1:{free_port()}", **put)
    assert (ended.code, ended.message) == (1, "the storage failed: Connection refused")


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "/a"}, {"key": "a//b"}, {"key": "a/../b"}, {"key": "a/"}, {"key": "a\nb"},
        {"bucket": "a/b"}, {"endpoint": "ftp://x"}, {"sha256": "abc"}, {"region": "A b"},
        {"file": "x"}, {"text": None},
    ],
)  # fmt: skip
def test_invalid_parameters_are_refused(s3: ActionRun, wrong: dict[str, Any]) -> None:
    ended = s3("s3-put", **{"text": "x", **wrong})
    assert ended.code == USAGE, ended
    assert next(iter(wrong)) in ended.message


def test_the_examples_run(s3: ActionRun, storage: ObjectStore) -> None:
    authority = storage.certificate.authority.read_text()
    for action in ("s3-put", "s3-get"):
        variables = {"endpoint": storage.endpoint, "authority": authority}
        (parameters,) = example(action, variables)
        del parameters["accessKeyId"], parameters["secretAccessKey"]
        ended = s3(action, **parameters)
        assert ended.code == 0, ended.message
    assert json.loads(ended.outputs["text"]) == {"orders": 12}
