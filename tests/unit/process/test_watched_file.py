"""A value in a file is the one that the file has now, as long as that is one."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import pytest

from orchestrator.process.watched_file import WatchedFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """As a Secret is mounted: a link into a folder that a second link exchanges."""
    write(tmp_path, 1)
    (tmp_path / "key").symlink_to("..data/key")
    return tmp_path / "key"


def write(mount: Path, value: object) -> None:
    """A new version of the Secret, as the kubelet writes it."""
    folder = Path(tempfile.mkdtemp(dir=mount))
    (folder / "key").write_text(str(value))
    link = mount / "..new"
    link.symlink_to(folder.name)
    link.replace(mount / "..data")


def test_a_new_version_is_used_with_the_next_use(path: Path) -> None:
    value = WatchedFile(path, int)
    assert value() == value() == 1
    write(path.parent, 22)
    assert value() == value() == 22
    path.write_text("333")
    assert value() == 333


def test_what_cannot_be_used_is_reported_once_and_the_last_value_stays(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    value = WatchedFile(path, int)
    with caplog.at_level(logging.WARNING):
        write(path.parent, "")
        assert value() == value() == 1
        (path.parent / "..data").unlink()
        assert value() == value() == 1
        write(path.parent, "4")
        path.write_bytes(b"\xff")
        assert value() == value() == 1
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert all(one.startswith(f"{path}: ") for one in said)
    assert [one.partition(": ")[2].partition(";")[0] for one in said][1:] == [
        "No such file or directory",
        "not text",
    ]
    write(path.parent, 5)
    assert value() == 5


def test_a_file_that_says_nothing_of_use_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        WatchedFile(tmp_path / "none", int)
    (tmp_path / "key").write_text("x")
    with pytest.raises(ValueError, match="invalid literal"):
        WatchedFile(tmp_path / "key", int)
