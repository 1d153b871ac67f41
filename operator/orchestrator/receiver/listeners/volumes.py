"""The volumes that the receiver's configuration names, and which namespaces may read each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.models.base import DNS_LABEL_PATTERN, is_object_name
from orchestrator.models.reasons import Reason
from orchestrator.receiver.listeners.errors import SourceError

FORM = "NAME=PATH:NAMESPACE[,NAMESPACE…]"


@dataclass(frozen=True, slots=True)
class MountedVolume:
    """A folder of the receiver."""

    path: Path
    namespaces: frozenset[str]
    """The namespaces whose triggers may read it."""


@dataclass(frozen=True, slots=True)
class Volumes:
    """The volumes by name."""

    by_name: Mapping[str, MountedVolume] = field(default_factory=dict)

    def path_of(self, name: str, namespace: str) -> Path:
        """The folder of a volume, for a trigger in a namespace.

        Raises SourceError with the same message whether the volume does not exist or belongs to
        others: namespaces learn nothing of each other.
        """
        volume = self.by_name.get(name)
        if volume is None or namespace not in volume.namespaces:
            raise SourceError(
                f"the receiver has no volume {name} that namespace {namespace} may read; its"
                f" administrator gives it one with --volume {name}=PATH:{namespace}",
                Reason.VOLUME_FORBIDDEN,
            )
        return volume.path


def parse_volumes(options: Iterable[str]) -> Volumes:
    """The volumes of options in the form NAME=PATH:NAMESPACES. Raises ValueError."""
    found: dict[str, MountedVolume] = {}
    for option in options:
        name, _, rest = option.partition("=")
        path, _, names = rest.rpartition(":")
        namespaces = frozenset(each for each in names.split(",") if each)
        if not is_object_name(name) or not path.startswith("/") or not namespaces:
            raise ValueError(f"--volume {option}: write {FORM}, with an absolute path")
        if wrong := [each for each in namespaces if not re.fullmatch(DNS_LABEL_PATTERN, each)]:
            raise ValueError(f"--volume {option}: {wrong[0]!r} is no name of a namespace")
        if name in found:
            raise ValueError(f"--volume {option}: there are two volumes {name}")
        found[name] = MountedVolume(Path(path), namespaces)
    return Volumes(found)
