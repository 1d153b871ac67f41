"""Explains what keeps an attempt from starting, with the next command for the person on call.

None of these causes ends the attempt: a Secret may still be created, an image pushed, a node added.
`startTimeout` decides. The cause comes first: a status keeps 256 bytes of a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.jobs.evidence import ACTION
from orchestrator.models.labels import ALLOW_WORKFLOWS
from orchestrator.models.reasons import Reason

Raw = Mapping[str, Any]
Cause = tuple[str, str]
"""A reason from models/reasons.py and a sentence; both empty if nothing is wrong."""
MOUNT_FAILURE = "mountFailure"
"""Our own field in the status of a waiting pod: the message of its last FailedMount Event."""
SILENT_NODE = "silentNode"
"""Our own field in the status of a running pod: the name of its cluster node, if that does not
report any more."""
NO_CAUSE: Cause = ("", "")
_IMAGE = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_NOT_FOUND = re.compile(r'(secret|configmap) "([^"]+)" not found')
_NO_KEY = re.compile(r"couldn't find key (\S+) in (Secret|ConfigMap) \S+/(\S+)")
_NO_MOUNT_KEY = re.compile(r"references non-existent (secret|config) key: (\S+)")
_NO_ACCOUNT = re.compile(r'serviceaccount "([^"]+)" not found')
_QUOTA = re.compile(r"exceeded quota: (.*)", re.DOTALL)
_QUOTA_UNKNOWN = "status unknown for quota"
_QUOTA_ASKS = re.compile(r"failed quota: (.*)", re.DOTALL)


def why_waiting(pod: Raw) -> Cause:
    """Why an existing pod does not start its action."""
    status, namespace = pod.get("status") or {}, pod["metadata"].get("namespace", "")
    causes = [
        _container(container, namespace) for container in status.get("containerStatuses") or ()
    ]
    causes += [_initializing(container) for container in status.get("initContainerStatuses") or ()]
    if found := next(filter(_is_cause, sorted(causes, key=_injected_last)), None):
        return found
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            words = condition.get("message", "")
            return Reason.UNSCHEDULABLE, f"pod is unschedulable: {words}"
    if failure := status.get(MOUNT_FAILURE):
        return _unmounted(failure, namespace)
    return NO_CAUSE


def silent_node(pod: Raw) -> str:
    """The cluster node of a running pod, if it does not report any more; empty if it does.

    Of a pod whose node is not ready, the node lifecycle controller sets Ready to False. The kubelet
    alone sets ContainersReady, which stays True:
    https://kubernetes.io/docs/concepts/architecture/nodes/#node-status.
    """
    said = {each.get("type"): each.get("status") for each in _of(pod, "conditions")}
    if said.get("Ready") != "False" or said.get("ContainersReady") != "True":
        return ""
    name: str = (pod.get("spec") or {}).get("nodeName", "")
    return name


def why_silent(pod: Raw) -> Cause:
    """Why it is unknown whether a pod still runs its action."""
    if not (name := (pod.get("status") or {}).get(SILENT_NODE)):
        return NO_CAUSE
    words = f"cluster node {name} does not report, so the pod may still run or not"
    return Reason.NODE_NOT_READY, f"{words}: kubectl describe node {name}"


def why_refused(message: str, job: Raw) -> Cause:
    """Why the API server refuses a pod of the Job with this metadata, from the Job's Event."""
    namespace = job.get("namespace", "")
    if quota := quota_message(message, namespace):
        return Reason.QUOTA_EXCEEDED, quota
    if match := _NO_ACCOUNT.search(message):
        return Reason.SERVICE_ACCOUNT_MISSING, missing_account(match[1], namespace)
    if match := _QUOTA_ASKS.search(message):
        words = "set resources in the Template, or a LimitRange"
        return Reason.POD_REFUSED, f"quota {match[1].strip()}; {words}"
    return Reason.POD_REFUSED, f"the API server refuses the pod: {message}"


def quota_message(message: str, namespace: str) -> str:
    """The message of an answer from a quota, and the command that shows more; empty for other
    answers."""
    if match := _QUOTA.search(message):
        name, _, numbers = match[1].strip().partition(", ")
        command = f"kubectl -n {namespace} describe quota {name}"
        words = f"quota {name} is used up, free some or raise it ({command})"
        return f"{words}: {numbers}" if numbers else words
    return message if _QUOTA_UNKNOWN in message else ""


def missing_account(name: str, namespace: str) -> str:
    """Reports a missing service account, and the commands that create and label it."""
    return (
        f"service account {name} is missing: kubectl -n {namespace} create serviceaccount {name}; "
        f"kubectl -n {namespace} label serviceaccount {name} {ALLOW_WORKFLOWS}=true"
    )


def failed_init(pod: Raw) -> str:
    """The injected init container that failed, and with it the pod; empty if none did."""
    for container in _of(pod, "initContainerStatuses"):
        ended = (container.get("state") or {}).get("terminated") or {}
        if ended.get("exitCode"):
            return (
                f"injected container {container.get('name')} failed before the action could start "
                f"(exit code {ended['exitCode']})"
            )
    return ""


def _of(pod: Raw, key: str) -> Iterator[Raw]:
    yield from (pod.get("status") or {}).get(key) or ()


def _is_cause(cause: Cause) -> bool:
    return bool(cause[0])


def _injected_last(cause: Cause) -> bool:
    return cause[0] == Reason.INJECTED_CONTAINER


def _container(container: Raw, namespace: str) -> Cause:
    waiting = (container.get("state") or {}).get("waiting") or {}
    found = _why(waiting, container.get("image", ""), namespace)
    name = container.get("name")
    if not found[0] or name == ACTION:
        return found
    return Reason.INJECTED_CONTAINER, f"injected container {name}: {found[1]}"


def _initializing(container: Raw) -> Cause:
    """An init container (all are injected) that cannot start, or does not end."""
    name, state = container.get("name"), container.get("state") or {}
    waiting = state.get("waiting") or {}
    if (reason := waiting.get("reason", "")) and reason != "PodInitializing":
        words = waiting.get("message") or reason
        return Reason.INJECTED_CONTAINER, f"injected container {name} cannot start: {words}"
    if "running" in state and not container.get("started"):
        words = f"waits for injected container {name}, which runs before the action"
        return Reason.INJECTED_CONTAINER, words
    return NO_CAUSE


def _unmounted(message: str, namespace: str) -> Cause:
    if missing := _missing(message, namespace):
        return Reason.SECRET_MISSING, missing
    if match := _NO_MOUNT_KEY.search(message):
        kind = "Secret" if match[1] == "secret" else "ConfigMap"
        words = f"a mounted {kind} has no key {match[2]}; add it"
        return Reason.SECRET_MISSING, f"{words}: {message}"
    return Reason.CONTAINER_CANNOT_START, f"a volume cannot be mounted: {message}"


def _missing(message: str, namespace: str) -> str:
    match = _NOT_FOUND.search(message)
    if match is None:
        return ""
    kind, name = match.groups()
    create = f"create {'secret generic' if kind == 'secret' else kind} {name}"
    command = f"kubectl -n {namespace} {create} --from-literal=KEY=VALUE"
    return f"{_KINDS[kind]} {name} is missing: {command}"


def _why(waiting: Raw, image: str, namespace: str) -> Cause:
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason == "InvalidImageName":
        return Reason.IMAGE_PULL, f"image name {image!r} is invalid: {message}"
    if reason in _IMAGE:
        words = "check its name, its registry and imagePullSecrets"
        return Reason.IMAGE_PULL, f"image {image} cannot be pulled; {words}: {message or reason}"
    if missing := _missing(message, namespace):
        return Reason.SECRET_MISSING, missing
    if match := _NO_KEY.search(message):
        key, kind, name = match.groups()
        field = "stringData" if kind == "Secret" else "data"
        patch = f'patch {kind.lower()} {name} -p \'{{"{field}":{{"{key}":"VALUE"}}}}\''
        words = f"{kind} {name} has no key {key}"
        return Reason.SECRET_MISSING, f"{words}: kubectl -n {namespace} {patch}"
    if reason.startswith(("Create", "Run")) and reason.endswith("Error"):
        return Reason.CONTAINER_CANNOT_START, f"the container cannot start: {message or reason}"
    return NO_CAUSE


_KINDS = {"secret": "Secret", "configmap": "ConfigMap"}
