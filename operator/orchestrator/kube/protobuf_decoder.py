"""Decodes watch events of Jobs and pods partially, from the API server's protobuf encoding.

Kubernetes' own controllers watch both in protobuf, so the server encodes an event once for all of
them; it would encode JSON for the operator alone, and the operator would parse complete objects of
which it keeps little. The encoding:
https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding; the field numbers
are those of `generated.proto` in k8s.io/api and k8s.io/apimachinery, where numbers are never
reused.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from orchestrator.jobs.evidence import ACTION, ENDED_PHASES
from orchestrator.kube.cache import Raw
from orchestrator.kube.errors import ApiError
from orchestrator.kube.projection import POD_CONDITIONS
from orchestrator.kube.resources import Resource

# By message: the fields that are read, their numbers and types. JSON leaves out a `string` that is
# empty and a `count` of 0, but no `text` and no `int32`; a `map` is one of strings, `[]M` a list of
# M. A field that is not here is skipped.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "WatchEvent": {"type": (1, "string"), "object": (2, "RawExtension")},
    "RawExtension": {"raw": (1, "bytes")},
    "Unknown": {"raw": (2, "bytes")},
    "Status": {"message": (3, "string"), "reason": (4, "string"), "code": (6, "count")},
    "Time": {"seconds": (1, "int64")},
    "Entry": {"key": (1, "string"), "value": (2, "string")},
    "ObjectMeta": {
        "name": (1, "string"),
        "namespace": (3, "string"),
        "uid": (5, "string"),
        "resourceVersion": (6, "string"),
        "creationTimestamp": (8, "Time"),
        "deletionTimestamp": (9, "Time"),
        "labels": (11, "map"),
        "annotations": (12, "map"),
        "ownerReferences": (13, "[]OwnerReference"),
    },
    "OwnerReference": {
        "kind": (1, "string"),
        "name": (3, "string"),
        "uid": (4, "string"),
        "controller": (6, "bool"),
    },
    "Job": {"metadata": (1, "ObjectMeta"), "spec": (2, "JobSpec"), "status": (3, "JobStatus")},
    "JobSpec": {
        "parallelism": (1, "int32"),
        "completions": (2, "int32"),
        "completionMode": (9, "string"),
    },
    "JobStatus": {
        "conditions": (1, "[]Condition"),
        "completionTime": (3, "Time"),
        "active": (4, "count"),
        "ready": (9, "int32"),
        "completedIndexes": (7, "string"),
        "failedIndexes": (10, "text"),
    },
    "Condition": {
        "type": (1, "text"),
        "status": (2, "text"),
        "lastProbeTime": (3, "Time"),
        "lastTransitionTime": (4, "Time"),
        "reason": (5, "string"),
        "message": (6, "string"),
    },
    "Pod": {"metadata": (1, "ObjectMeta"), "spec": (2, "PodSpec"), "status": (3, "PodStatus")},
    "PodSpec": {"activeDeadlineSeconds": (5, "int64"), "nodeName": (10, "string")},
    "PodStatus": {
        "phase": (1, "string"),
        "conditions": (2, "[]PodCondition"),
        "message": (3, "string"),
        "reason": (4, "string"),
        "startTime": (7, "Time"),
        "containerStatuses": (8, "[]ContainerStatus"),
        "initContainerStatuses": (10, "[]ContainerStatus"),
    },
    "ContainerStatus": {
        "name": (1, "string"),
        "state": (2, "ContainerState"),
        "image": (6, "string"),
        "started": (9, "bool"),
    },
    "ContainerState": {
        "waiting": (1, "Waiting"),
        "running": (2, "Started"),
        "terminated": (3, "Terminated"),
    },
    "Waiting": {"reason": (1, "string"), "message": (2, "string")},
    "Started": {"startedAt": (1, "Time")},
    "Terminated": {
        "exitCode": (1, "int32"),
        "signal": (2, "count"),
        "reason": (3, "string"),
        "message": (4, "string"),
        "startedAt": (5, "Time"),
        "finishedAt": (6, "Time"),
        "containerID": (7, "string"),
    },
}
_MESSAGES["PodCondition"] = _MESSAGES["Condition"]
_WANTED = {"PodCondition": POD_CONDITIONS}
"""By message: the types of the fields that are read."""
_MAGIC = b"k8s\x00"
_SCALARS = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "text": FieldDescriptorProto.TYPE_STRING,
    "count": FieldDescriptorProto.TYPE_INT32,
    "bool": FieldDescriptorProto.TYPE_BOOL,
}


def event_from(resource: Resource, frame: bytes, *, only_ends: bool = False) -> Raw:
    """A frame of a watch in the form of JSON: `type`, and the read fields of `object`.

    `only_ends`, for pods: if a pod shows no end, only the version is read, as for a bookmark. The
    object of an event with type ERROR is a Status. Raises ApiError for an invalid frame.
    """
    try:
        event = _parsed("WatchEvent", frame)
        envelope = event.object.raw
        if not envelope.startswith(_MAGIC):
            raise DecodeError("it does not begin like an object of the API server")
        kind = "Status" if event.type == "ERROR" else resource.kind
        found = _parsed(kind, _parsed("Unknown", envelope[len(_MAGIC) :]).raw)
        if only_ends and kind == "Pod" and not _shows_an_end(found):
            version = found.metadata.resourceVersion
            return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}
        plain = _PLAIN[kind](found)
        if event.type != "ERROR" and "resourceVersion" not in plain.get("metadata", {}):
            raise DecodeError("it contains no stored object")
        return {"type": event.type, "object": plain}
    except (DecodeError, ValueError, OverflowError, OSError) as error:
        message = f"an event of {resource.plural} cannot be read: {error}"
        raise ApiError(500, "Unreadable", message) from error


def _shows_an_end(pod: Any) -> bool:
    """Same rule as `has_ended` in jobs/evidence.py. Most events of pods show no end."""
    status = pod.status
    return status.phase in ENDED_PHASES or any(
        container.name == ACTION and container.state.HasField("terminated")
        for container in status.containerStatuses
    )


def _parsed(name: str, data: bytes) -> Any:
    return _CLASSES[name].FromString(data)


@lru_cache(maxsize=1024)
def _moment(seconds: int) -> str:
    """RFC 3339 in whole seconds, as in JSON."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _text(value: str | bytes) -> str:
    """As in JSON; invalid UTF-8 is returned as bytes."""
    return value if isinstance(value, str) else value.decode(errors="replace")


def _plain(name: str) -> Callable[[Any], Raw]:
    """Converts a message of this name to the form of JSON.

    It is called for each event and all nested messages, so it reads a message's fields by name:
    listing them would cost more than everything else.
    """
    fields = _MESSAGES[name]
    strings = [field for field, (_, kind) in fields.items() if kind == "string"]
    others = [(field, *_reader(kind)) for field, (_, kind) in fields.items() if kind != "string"]

    def plain(message: Any) -> Raw:
        found: Raw = {}
        for field in strings:
            if value := getattr(message, field):
                found[field] = value if value.__class__ is str else _text(value)
        for field, sent, read in others:
            if not sent or message.HasField(field):
                value = read(getattr(message, field))
                if value or (sent and value is not None):
                    found[field] = value
        return found

    return plain


def _reader(kind: str) -> tuple[bool, Callable[[Any], Any]]:
    """Whether JSON contains such a field even if it is empty, and its value in JSON."""
    name = kind.removeprefix("[]")
    match kind:
        case "map":
            return False, lambda entries: {_text(one.key): _text(one.value) for one in entries}
        case "count":
            return False, int
        case "Time":
            return True, lambda at: _moment(at.seconds) if at.HasField("seconds") else None
        case "text":
            return True, _text
        case "bool":
            return True, bool
        case _ if kind in _SCALARS:
            return True, int
        case _ if name == kind:
            return True, lambda value: _PLAIN[name](value)
    wanted = _WANTED.get(name)
    if wanted is None:
        return False, lambda values: [_PLAIN[name](value) for value in values]
    return False, lambda values: [_PLAIN[name](one) for one in values if one.type in wanted]


def _classes() -> dict[str, type[Message]]:
    """The messages' classes; fields that they lack are skipped."""
    package = "orchestrator"
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add(message.field.add(name=field, number=number), package, kind)
    pool = DescriptorPool()
    pool.Add(file)
    return {
        name: GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in _MESSAGES
    }


def _add(field: FieldDescriptorProto, package: str, kind: str) -> None:
    several = kind == "map" or kind.startswith("[]")
    field.label = field.LABEL_REPEATED if several else field.LABEL_OPTIONAL
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = field.TYPE_MESSAGE
        field.type_name = f".{package}.{'Entry' if kind == 'map' else kind.removeprefix('[]')}"


_CLASSES = _classes()
_PLAIN = {name: _plain(name) for name in _MESSAGES}
