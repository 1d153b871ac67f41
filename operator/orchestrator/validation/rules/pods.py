"""The pod settings of a workflow have no reserved labels or annotations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from orchestrator.models.base import GROUP
from orchestrator.validation.problem import Problem, join
from orchestrator.validation.subject import Subject
from orchestrator.validation.suggestions.proposals import label

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_RESERVED = (GROUP, "kubernetes.io", "k8s.io")
"""Reserved domains; Kubernetes itself reserves kubernetes.io and k8s.io."""


def pod_settings(subject: Subject) -> Iterator[Problem]:
    """Labels and annotations are well-formed and not reserved."""
    pod = subject.spec.pod
    if pod is None:
        return
    yield from _keys("spec.pod.labels", pod.labels or {}, reserved=True)
    yield from _keys("spec.pod.annotations", pod.annotations or {}, reserved=True)
    yield from _keys("spec.pod.nodeSelector", pod.node_selector or {}, reserved=False)
    yield from _values("spec.pod.labels", pod.labels or {})
    yield from _values("spec.pod.nodeSelector", pod.node_selector or {})


def _keys(path: str, entries: Mapping[str, str], *, reserved: bool) -> Iterator[Problem]:
    for key in entries:
        prefix, slash, name = key.rpartition("/")
        if not _NAME.fullmatch(name) or (slash and not _PREFIX.fullmatch(prefix)):
            message = (
                "is not a valid key: write [DOMAIN/]NAME, of letters, digits, '-', '_' and '.'"
            )
            yield Problem(join(path, key), message + _proposal(name, key, prefix + slash))
        elif reserved and any(prefix == own or prefix.endswith(f".{own}") for own in _RESERVED):
            message = f"{prefix}/ is reserved; use a prefix of your own, such as example.com/{name}"
            yield Problem(join(path, key), message)


def _values(path: str, entries: Mapping[str, str]) -> Iterator[Problem]:
    for key, value in entries.items():
        if not _VALUE.fullmatch(value):
            message = (
                f"{value[:80]!r} is not a label value: at most 63 letters, digits, '-', '_', '.'"
            )
            yield Problem(join(path, key), message + _proposal(value, value))


def _proposal(text: str, current: str, prefix: str = "") -> str:
    near = prefix.lower() + label(text)
    return f"; write {near!r}" if label(text) and near != current and len(near) <= 317 else ""
