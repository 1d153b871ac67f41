"""Whom the receiver acts for: only people whom the file names, never an account of the system."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.operations.decide import Person
from orchestrator.receiver.slack.user_mapping import (
    UserMappingError,
    mapped_user,
    read_user_mapping,
)


def people_of(folder: Path, text: str) -> Path:
    path = folder / "people.yaml"
    path.write_text(text)
    return path


def test_a_slack_user_is_the_kubernetes_user_in_the_file(tmp_path: Path) -> None:
    people = read_user_mapping(
        people_of(tmp_path, "U1: {user: ana@example.com, groups: [sre]}\nT2/U1: {user: eve}\n")
    )
    assert mapped_user(people, "T1", "U1") == Person("ana@example.com", ("sre",))
    assert mapped_user(people, "T2", "U1") == Person("eve")
    assert mapped_user(people, "T1", "U2") is None
    assert read_user_mapping(people_of(tmp_path, "")) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("U1: {user: 'system:admin'}", "U1.user: "),
        ("U1: {user: ana, groups: ['system:masters']}", "system:masters"),
        ("U1: {user: ''}", "U1.user: "),
        ("U1: ana", "U1: "),
        ("U1: {user: ana, admin: true}", "U1.admin: "),
        ("- ana", "dict"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_file_that_names_others_than_people_is_refused_as_a_whole(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(UserMappingError) as error:
        read_user_mapping(
            people_of(tmp_path, f"U9: {{user: bob}}\n{text}" if "U1" in text else text)
        )
    assert said in str(error.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserMappingError, match="No such file"):
        read_user_mapping(tmp_path / "none")
