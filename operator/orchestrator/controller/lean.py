"""What is kept of watched objects: enough to decide, a fraction of the memory."""

from __future__ import annotations

from orchestrator.controller.cache import Raw

_POD_SPEC = ("activeDeadlineSeconds", "nodeName", "terminationGracePeriodSeconds", "restartPolicy")


def lean_job(raw: Raw) -> Raw:
    """A Job without its pod template, which nobody asks for."""
    spec = {key: value for key, value in raw.get("spec", {}).items() if key != "template"}
    return {**raw, "metadata": _metadata(raw), "spec": spec}


def lean_pod(raw: Raw) -> Raw:
    """A pod with its status and the few fields of its spec that say how it may end."""
    spec = raw.get("spec", {})
    return {
        **raw,
        "metadata": _metadata(raw),
        "spec": {key: spec[key] for key in _POD_SPEC if key in spec},
    }


def lean(raw: Raw) -> Raw:
    """Any object without its managedFields."""
    return {**raw, "metadata": _metadata(raw)}


def _metadata(raw: Raw) -> Raw:
    return {key: value for key, value in raw["metadata"].items() if key != "managedFields"}
