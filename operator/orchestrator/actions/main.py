"""`orchestrator action NAME`: runs an action in its container.

It reads the parameters from the Job's environment, and writes a termination message ($OUTPUTS): the
outputs if the action succeeds, or one plain sentence if it fails, which becomes the node's message.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr, ValidationError

from orchestrator.actions.action import (
    USAGE,
    Action,
    ActionError,
    Context,
    Identity,
    Parameters,
)
from orchestrator.actions.encoding import MAX_BYTES, encode
from orchestrator.actions.masking import Mask, masker, secrets_in, secrets_of
from orchestrator.actions.registry import NAMES, load

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

TERMINATED = 128 + signal.SIGTERM
"""Exit code after SIGTERM, as a shell reports it."""


class SystemClock:
    """The system clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def run(name: str, environ: Mapping[str, str]) -> int:
    """Run an action and return the exit code for its container.

    Reads PARAMS and PARAM_*, the node's identity (see Identity.of) and OUTPUTS from `environ`;
    outside a cluster also KUBECONFIG. As the container's first process it must handle SIGTERM:
    otherwise the kernel ignores the signal, and a cancellation waits for the whole grace period.
    """
    previous = signal.signal(signal.SIGTERM, _terminate)
    action = _Run(name, environ)
    try:
        return action.report(action.attempt())
    except SystemExit:
        return action.report(ActionError("stopped by SIGTERM", exit_code=TERMINATED))
    finally:
        signal.signal(signal.SIGTERM, previous)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # one SIGTERM is enough
    raise SystemExit(TERMINATED)


class _Run:
    """One run of an action, with secrets masked in all of its output."""

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        self._name, self._environ = name, environ
        self._mask: Mask = masker(secrets_of(environ))

    def attempt(self) -> bytes | ActionError:
        """The encoded outputs, or the error."""
        action: Action[Any, Any] | None = None
        try:
            action = find(self._name)
            parameters = read_parameters(action, self._environ)
            self._mask = masker([*secrets_of(self._environ), *secrets_in(parameters)])
            context = Context(
                identity=Identity.of(self._environ),
                clock=SystemClock(),
                cluster=self._connect,
                environ=self._environ,
                log=self._log,
                mask=self._mask,
            )
            return encode(action.run(parameters, context), self._mask)
        except ActionError as failure:
            return failure
        except Exception as error:  # any failure becomes the node's message
            classified = action.classify(error) if action else None
            if classified:
                return classified
            import traceback

            print(self._mask(traceback.format_exc()), file=sys.stderr, flush=True)
            return ActionError(f"unexpected {type(error).__name__}: {error}")

    def _connect(self) -> BlockingClient:
        # Imported here: most actions need no cluster, and imports delay the start of every pod.
        from orchestrator.actions.cluster import connect

        return connect(self._environ)

    def report(self, result: bytes | ActionError) -> int:
        """Write the termination message, and return the container's exit code."""
        path = self._environ.get("OUTPUTS")
        if isinstance(result, ActionError):
            message = _line(self._mask(str(result)))
            print(f"error: {message}", file=sys.stderr, flush=True)
            if path:
                Path(path).write_bytes(message.encode()[:MAX_BYTES])
            return result.exit_code
        if path:
            Path(path).write_bytes(result)
        else:
            self._log(result.decode())
        return 0

    def _log(self, line: str) -> None:
        print(self._mask(line), flush=True)


def _line(text: str) -> str:
    """A text as one line of printable characters: a part of it may come from a server."""
    words = " ".join(text.split())
    return "".join(char if char.isprintable() else "?" for char in words)


def find(name: str) -> Action[Any, Any]:
    """The action of this name; raises ActionError, with a suggestion, if there is none."""
    if name in NAMES:
        return load(name)
    from orchestrator.models.nearest import did_you_mean

    hint = did_you_mean(name, NAMES, limit=3) or f"; there is {', '.join(NAMES)}"
    raise ActionError(f"there is no action {name!r} in this image{hint}", exit_code=USAGE)


def read_parameters(action: Action[Any, Any], environ: Mapping[str, str]) -> Parameters:
    """The action's parameters; raises ActionError that names each invalid one, without its
    value."""
    values = _raw_parameters(action, environ)
    try:
        parameters: Parameters = action.parameters.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or action.name}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise ActionError(
            f"invalid parameters of {action.name}: {problems.replace('Value error, ', '')}",
            exit_code=USAGE,
        ) from None
    return parameters


def _item(environ: Mapping[str, str]) -> str:
    """The parameters of a fan-out's item, from mounted files with one JSON object per line."""
    directory, index = environ.get("PARAMS_DIR"), environ.get("JOB_COMPLETION_INDEX")
    if not directory or not index:
        return ""
    file, line = divmod(int(index), int(environ.get("PARAMS_PER_FILE") or "100"))
    try:
        return (Path(directory) / f"items-{file}").read_text().splitlines()[line]
    except (OSError, IndexError):
        message = f"there are no parameters for item {index} in {directory}"
        raise ActionError(message, exit_code=USAGE) from None


def _raw_parameters(action: Action[Any, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The values in PARAMS, and those in PARAM_* only, such as secrets; null means absent."""
    try:
        values = json.loads(environ.get("PARAMS") or _item(environ) or "{}")
    except ValueError as error:
        raise ActionError(f"PARAMS is not JSON: {error}", exit_code=USAGE) from None
    if not isinstance(values, dict):
        raise ActionError("PARAMS is not a JSON object", exit_code=USAGE)
    for name, field in action.parameters.model_fields.items():
        key = field.alias or name
        text = environ.get(f"PARAM_{key.upper()}")
        if text is not None and values.get(key) is None:
            values[key] = _typed(text, field.annotation)
    return {name: value for name, value in values.items() if value is not None}


def _typed(text: str, annotation: Any) -> Any:
    """A PARAM_* string converted to the parameter's type; strings and secrets are unchanged."""
    if annotation is str or SecretStr in (annotation, *getattr(annotation, "__args__", ())):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
