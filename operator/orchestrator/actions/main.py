"""`orchestrator action NAME`: from a Job's environment to a termination message and an exit code.

The termination message ($OUTPUTS) holds the outputs when the action succeeded, and one plain
sentence when it failed, which the operator shows as the node's message.
"""

from __future__ import annotations

import difflib
import json
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from pydantic import SecretStr, ValidationError

from orchestrator.actions.action import (
    USAGE,
    Action,
    ActionError,
    Context,
    Identity,
    Parameters,
)
from orchestrator.actions.cluster import Cluster
from orchestrator.actions.encoding import MAX_BYTES, encode
from orchestrator.actions.registry import NAMES, load

TERMINATED = 128 + signal.SIGTERM
"""Exit code after SIGTERM, as a shell would report it."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def run(name: str, environ: Mapping[str, str]) -> int:
    """Run an action and return the exit code for its container.

    Reads PARAMS and PARAM_*, the node's identity (see Identity.of) and OUTPUTS from `environ`;
    reads KUBECONFIG too, outside a cluster. As the container's first process it must ask for
    SIGTERM, or the kernel would drop it and a cancel would wait out its grace.
    """
    previous = signal.signal(signal.SIGTERM, _terminate)
    try:
        return _report(environ, _attempt(name, environ))
    except SystemExit:
        return _report(environ, ActionError("stopped by SIGTERM", exit_code=TERMINATED))
    finally:
        signal.signal(signal.SIGTERM, previous)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # stopping needs no second reminder
    raise SystemExit(TERMINATED)


def _attempt(name: str, environ: Mapping[str, str]) -> bytes | ActionError:
    """The encoded outputs, or why there are none."""
    action: Action[Any, Any] | None = None
    try:
        action = find(name)
        parameters = read_parameters(action, environ)
        context = Context(
            identity=Identity.of(environ),
            clock=SystemClock(),
            cluster=lambda: Cluster.connect(environ),
            environ=environ,
            log=_log,
        )
        return encode(action.run(parameters, context))
    except ActionError as failure:
        return failure
    except Exception as error:  # whatever happened, the node gets a sentence
        known = action.classify(error) if action else None
        if known:
            return known
        traceback.print_exc()
        return ActionError(f"unexpected {type(error).__name__}: {error}")


def _log(line: str) -> None:
    print(line, flush=True)


def _report(environ: Mapping[str, str], result: bytes | ActionError) -> int:
    path = environ.get("OUTPUTS")
    if isinstance(result, ActionError):
        print(f"error: {result}", file=sys.stderr, flush=True)
        if path:
            Path(path).write_bytes(str(result).encode()[:MAX_BYTES])
        return result.exit_code
    if path:
        Path(path).write_bytes(result)
    else:
        _log(result.decode())
    return 0


def find(name: str) -> Action[Any, Any]:
    """The action of that name; ActionError with the nearest names otherwise."""
    if name in NAMES:
        return load(name)
    near = difflib.get_close_matches(name, NAMES, n=3) or NAMES
    raise ActionError(
        f"there is no action {name!r} in this image; did you mean {', '.join(near)}?",
        exit_code=USAGE,
    )


def read_parameters(action: Action[Any, Any], environ: Mapping[str, str]) -> Parameters:
    """The action's parameters; ActionError that names each wrong one, without showing its value."""
    given = _given(action, environ)
    try:
        parameters: Parameters = action.parameters.model_validate(given)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or action.name}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise ActionError(
            f"wrong parameters of {action.name}: {problems.replace('Value error, ', '')}",
            exit_code=USAGE,
        ) from None
    return parameters


def _item(environ: Mapping[str, str]) -> str:
    """The parameters of a fan-out's item, as they are mounted: lines of JSON, many in a file."""
    directory, index = environ.get("PARAMS_DIR"), environ.get("JOB_COMPLETION_INDEX")
    if not directory or not index:
        return ""
    file, line = divmod(int(index), int(environ.get("PARAMS_PER_FILE") or "100"))
    try:
        return (Path(directory) / f"items-{file}").read_text().splitlines()[line]
    except (OSError, IndexError):
        message = f"there are no parameters for item {index} in {directory}"
        raise ActionError(message, exit_code=USAGE) from None


def _given(action: Action[Any, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """PARAMS, and what stands in PARAM_* only, as secrets do; null means absent."""
    try:
        values = json.loads(environ.get("PARAMS") or _item(environ) or "{}")
    except ValueError as error:
        raise ActionError(f"PARAMS is not JSON: {error}", exit_code=USAGE) from None
    if not isinstance(values, dict):
        raise ActionError("PARAMS is not a JSON object", exit_code=USAGE)
    for name, field in action.parameters.model_fields.items():
        outside = field.alias or name
        text = environ.get(f"PARAM_{outside.upper()}")
        if text is not None and values.get(outside) is None:
            values[outside] = _typed(text, field.annotation)
    return {name: value for name, value in values.items() if value is not None}


def _typed(text: str, annotation: Any) -> Any:
    """A PARAM_* text as the parameter's type; texts and secrets are taken as they are."""
    if annotation is str or SecretStr in (annotation, *getattr(annotation, "__args__", ())):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
