"""Runs each row of the table with each fault, and its retry."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from orchestrator.actions.registry import NAMES
from tests.action_faults.row import Case, Row
from tests.action_faults.servers import Servers
from tests.attempts import Attempt, Ended, perform
from tests.fault_proxy import Fault, FaultProxy, Listener
from tests.kube import ROOT
from tests.runner import context

OF_TIME = frozenset({Fault.HELD, Fault.DRIPPING, Fault.CORRUPT_BODY})
MAX_TRIES = 6
"""How often an attempt is made that does not meet its fault."""
FAULTS = tuple(fault for fault in Fault if fault is not Fault.NONE)


@dataclass
class Outcome:
    """What one attempt did with one fault."""

    row: Row
    case: Case
    listener: Listener
    fault: Fault
    attempt: Attempt
    ended: Ended
    secrets: Sequence[str]
    message: str
    """The termination message."""
    met: bool
    """Whether the attempt met the fault."""
    retry: Ended | None = None
    """The end of the next attempt, with a network that works again."""
    made: int | None = None
    """How many things there are after it."""
    logs: list[str] = field(default_factory=list)
    """What all attempts have written."""


class Cases:
    """Prepares, runs and repeats attempts."""

    def __init__(self, servers: Servers, proxy: FaultProxy, folder: Path) -> None:
        self._servers, self._proxy, self._folder = servers, proxy, folder

    def run(self, rows: Iterable[Row], faults: Iterable[Fault]) -> dict[tuple[str, Fault], Outcome]:
        """The outcome of each row with each fault, and without a fault."""
        rows, faults = list(rows), list(faults)
        calm = self._batch([(row, Fault.NONE, 0) for row in rows])
        turns = {
            each.row.name: each.row.turn or each.listener.turns - each.row.ending for each in calm
        }
        wanted = [(row, fault, turns[row.name]) for row in rows for fault in faults]
        every = [*calm]
        for number in range(MAX_TRIES):
            found = self._batch(wanted, f"again{number}-" if number else "")
            every += found
            # An attempt may take fewer turns, those of TLS or those of a wait: try an earlier one.
            missed = [each for each in found if not each.met and each.listener.strikes_at > 1]
            wanted = [(each.row, each.fault, _earlier(each)) for each in missed]
        outcomes = {(each.row.name, each.fault): each for each in every}
        self._retry([each for each in outcomes.values() if each.fault is Fault.CUT_ANSWER])
        return outcomes

    def _batch(self, wanted: Sequence[tuple[Row, Fault, int]], mark: str = "") -> list[Outcome]:
        prepared = [self._prepared(*each, mark) for each in wanted]
        ends = perform([attempt for *_, attempt, _secrets in prepared])
        return [
            Outcome(
                row,
                case,
                listener,
                listener.fault,
                attempt,
                ended,
                secrets,
                attempt.message,
                listener.broken,
                logs=[attempt.log, attempt.message],
            )
            for (row, case, listener, attempt, secrets), ended in zip(prepared, ends, strict=True)
        ]

    def _prepared(
        self, row: Row, fault: Fault, turn: int, mark: str
    ) -> tuple[Row, Case, Listener, Attempt, Sequence[str]]:
        listener = self._proxy.listen(*row.server(self._servers), fault, turn)
        name = f"{mark}{row.name}-{fault.name.lower().replace('_', '-')}"
        folder = self._folder / name
        folder.mkdir()
        case = Case(name, "127.0.0.1", listener.port, folder, fault in OF_TIME)
        parameters = row.parameters(self._servers, case)
        secrets = row.secrets(self._servers, case)
        case.workspace.mkdir(exist_ok=True)
        environ = {
            "PATH": f"{self._servers.postgresql.programs}:{os.environ['PATH']}",
            "HOME": str(folder),
            # Instead of the system's 150, which take longer to read than most attempts.
            "SSL_CERT_FILE": "/dev/null",
            "PARAMS": json.dumps(parameters),
            "OUTPUTS": f"{folder}/outputs",
            "WORKSPACE": str(case.workspace),
            "CONTEXT": self._context(row, case),
            **{f"PARAM_{key.upper()}": value for key, value in secrets.items()},
            **row.environ(self._servers, case),
        }
        if row.kubernetes:
            environ["KUBECONFIG"] = str(self._kubeconfig(row, case))
        command, variables = script(row.action, parameters)
        attempt = Attempt(row.action, {**environ, **variables}, str(folder), command)
        return row, case, listener, attempt, list(secrets.values())

    def _context(self, row: Row, case: Case) -> str:
        """Namespace and execution of the case; the execution has the name of the case."""
        uid = self._servers.uid_of(case.name) if row.action == "run-job" else case.name
        found = json.loads(context(self._servers.kubectl.namespace, uid))
        return json.dumps({**found, "execution": case.name})

    def _kubeconfig(self, row: Row, case: Case) -> Path:
        """The administrator's kubeconfig with the address of the proxy."""
        config = yaml.safe_load(self._servers.kubectl.kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        cluster["server"] = f"https://{case.host}:{case.port}"
        if row.variant == "pods":
            config["clusters"][0]["cluster"] = {"server": case.url}
        path = case.folder / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path

    def _retry(self, outcomes: Sequence[Outcome]) -> None:
        """Attempt again, over a network that works."""
        interrupted = [each for each in outcomes if each.row.made and each.ended.code]
        for each in interrupted:
            each.listener.heal()
        ends = perform([_second(each.attempt) for each in interrupted])
        for each, ended in zip(interrupted, ends, strict=True):
            assert each.row.made
            each.retry, each.made = ended, each.row.made(self._servers, each.case)
            each.logs += [each.attempt.log, each.attempt.message]


def _earlier(missed: Outcome) -> int:
    """An earlier turn, for an attempt that ended before its fault."""
    listener = missed.listener
    return max(1, min(listener.strikes_at - 1, listener.turns - missed.row.ending))


def _second(attempt: Attempt) -> Attempt:
    """The next attempt of the same work."""
    identity = json.loads(attempt.environ["CONTEXT"])
    return replace(
        attempt, environ={**attempt.environ, "CONTEXT": json.dumps({**identity, "attempt": 2})}
    )


def script(action: str, parameters: dict[str, object]) -> tuple[list[str], dict[str, str]]:
    """The command of a Template that is a script, with its parameters as variables; none for an
    action that is a function."""
    if action in NAMES:
        return [], {}
    path = ROOT / f"manifests/catalog/actions/{action}.yaml"
    spec = yaml.safe_load(path.read_text())["spec"]
    found = spec["action"]["script"]
    values = {each["name"]: each.get("default") for each in spec["parameters"]} | parameters
    variables = {
        f"PARAM_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
        if value is not None
    }
    given = {name: value for name, value in values.items() if value is not None}
    return [found["interpreter"], "-c", found["source"]], {
        **variables, "PARAMS": json.dumps(given),
    }  # fmt: skip
