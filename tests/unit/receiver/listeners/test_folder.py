"""Folders of volumes: nothing outside is read, nothing inside is missed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.receiver.listeners.errors import SourceError
from orchestrator.receiver.listeners.files.folder import pages


def listed(volume: Path, folder: str = "") -> list[str]:
    return [found.key for page in pages(volume, folder) for found in page]


def test_files_are_found_in_all_folders_below(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a", "in/b", "in/deep/c"):
        (tmp_path / name).write_text(name)
    assert listed(tmp_path) == ["a", "in/b", "in/deep/c"]
    assert listed(tmp_path, "in/") == ["in/b", "in/deep/c"]


def test_links_and_what_is_no_file_are_left_out(tmp_path: Path) -> None:
    secret = tmp_path / "others"
    secret.mkdir()
    (secret / "key").write_text("")
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "file").symlink_to(secret / "key")
    (volume / "folder").symlink_to(secret)
    os.mkfifo(volume / "pipe")
    assert listed(volume) == []
    with pytest.raises(SourceError, match="/folder cannot be read"):
        listed(volume, "folder/")


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="/in/none cannot be read: No such file"):
        listed(tmp_path, "in/none/")
    with pytest.raises(SourceError, match="the volume cannot be read"):
        listed(tmp_path / "none")


def test_a_name_that_is_no_text_is_a_key_that_can_be_stored(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\xfe")).write_text("")
    (key,) = listed(tmp_path)
    assert key.encode().decode() == key


def test_ten_thousand_files_are_listed_in_pages(tmp_path: Path) -> None:
    for number in range(2500):
        (tmp_path / f"{number:05}").touch()
    assert [len(page) for page in pages(tmp_path, "")] == [1000, 1000, 500]


def test_a_file_that_is_moved_here_appears_now_whatever_its_date(tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.write_text("x")
    os.utime(before, (1_000_000_000, 1_000_000_000))
    before.rename(tmp_path / "after")
    ((found,),) = pages(tmp_path, "")
    assert found.modified == 1_000_000_000
    assert found.appeared > 1_700_000_000
