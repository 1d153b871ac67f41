"""The mapping of Slack users to Kubernetes users, a file that only administrators write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, TypeAdapter, ValidationError, field_validator

from orchestrator.models.base import Model
from orchestrator.operations.decide import Person

MAX_BYTES = 1024 * 1024
_RESERVED = "system:"


class UserMappingError(Exception):
    """The file cannot be used; the message says why."""


class KubernetesUser(Model):
    """The Kubernetes user for whom the receiver acts."""

    user: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the user, as the API server knows it."""
    groups: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=253)]], Field(max_length=64)
    ] = []
    """Groups of the user."""

    @field_validator("user", "groups")
    @classmethod
    def _is_a_person(cls, value: str | list[str]) -> str | list[str]:
        for name in [value] if isinstance(value, str) else value:
            if name.startswith(_RESERVED):
                raise ValueError(f"{name!r}: names that begin with {_RESERVED} are not people")
        return value


_FILE = TypeAdapter(dict[str, KubernetesUser])


def read_user_mapping(path: Path) -> Mapping[str, KubernetesUser]:
    """The users by Slack user (`U012AB3CD`) or by workspace and user (`T0123/U012AB3CD`).

    Raises PeopleError.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserMappingError(f"{path} is larger than {MAX_BYTES:,} bytes")
        return _FILE.validate_python(yaml.safe_load(path.read_text()) or {})
    except OSError as error:
        raise UserMappingError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserMappingError(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UserMappingError(f"{path}: {where}: {first['msg']}") from error


def mapped_user(people: Mapping[str, KubernetesUser], team: str, user: str) -> Person | None:
    """The Kubernetes user of a Slack user; None if the file does not name them."""
    found = people.get(f"{team}/{user}") or people.get(user)
    return None if found is None else Person(found.user, tuple(found.groups))
