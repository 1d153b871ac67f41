"""Whom the receiver acts for: only people whom the file names, never an account of the system."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.operations.decide import Person
from orchestrator.receiver.slack.people import PeopleError, person_of, read_people


def people_of(folder: Path, text: str) -> Path:
    path = folder / "people.yaml"
    path.write_text(text)
    return path


def test_a_slack_user_is_the_kubernetes_user_in_the_file(tmp_path: Path) -> None:
    people = read_people(
        people_of(tmp_path, "U1: {user: ana@example.com, groups: [sre]}\nT2/U1: {user: eve}\n")
    )
    assert person_of(people, "T1", "U1") == Person("ana@example.com", ("sre",))
    assert person_of(people, "T2", "U1") == Person("eve")
    assert person_of(people, "T1", "U2") is None
    assert read_people(people_of(tmp_path, "")) == {}


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
    with pytest.raises(PeopleError) as error:
        read_people(people_of(tmp_path, f"U9: {{user: bob}}\n{text}" if "U1" in text else text))
    assert said in str(error.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(PeopleError, match="No such file"):
        read_people(tmp_path / "none")
