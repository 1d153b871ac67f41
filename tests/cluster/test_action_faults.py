"""Each action that uses the network, through a proxy that cuts, delays and corrupts.

An action ends within its timeout with one clear line and the exit code that its page promises; no
traceback, no secret. Where the page says that a retry is recognized, an interrupted answer and a
retry make one thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dev.proof.declared import catalogue
from orchestrator.actions.action import PERMANENT_EXIT_CODES
from tests.action_faults.cases import FAULTS, OF_TIME, Cases, Outcome
from tests.action_faults.data import DATA
from tests.action_faults.kubernetes import KUBERNETES
from tests.action_faults.notify import NOTIFY
from tests.action_faults.row import Row
from tests.action_faults.servers import Servers
from tests.action_faults.tools import TOOLS
from tests.attempts import REQUEST_SECONDS
from tests.conftest import fresh_namespace
from tests.fault_proxy import Fault, FaultProxy
from tests.kube import ROOT, Kubectl
from tests.planted import MARKER
from tests.postgresql import PostgresqlServer

TABLE: dict[str, Row] = {row.name: row for row in (*NOTIFY, *TOOLS, *DATA, *KUBERNETES)}
WITHOUT = {
    "transform-data": "uses no network",
    "run-script": "the script decides what it uses",
    "python-script": "the script decides what it uses",
    "aws-cli": "the provider's program speaks to the provider",
    "az-cli": "the provider's program speaks to the provider",
    "gcloud-cli": "the provider's program speaks to the provider",
    "image-build": "buildctl speaks to the daemon",
    "ansible-playbook": "Ansible speaks to the hosts",
    "helm-rollback": "Helm speaks to the API server, as for helm-upgrade",
    "helm-test": "Helm speaks to the API server, as for helm-upgrade",
    "terraform-plan": "OpenTofu speaks to the providers",
    "terraform-apply": "OpenTofu speaks to the providers",
}
"""Actions that are not in the table, each with the reason."""
CORRUPT = frozenset({Fault.CORRUPT_HEAD, Fault.CORRUPT_BODY})
MARGIN_SECONDS = 10.0
"""Beyond the timeout: for the start of a process and for requests that a wait sends last, on a busy
machine. Without a limit, a dripping or delayed answer takes much longer."""
KEPT = ROOT / "build/tests/faults.txt"
Outcomes = dict[tuple[str, Fault], Outcome]


@pytest.fixture(scope="module")
def outcomes(
    kubeconfig: Path,
    postgresql: PostgresqlServer,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Outcomes]:
    """What every selected row did with every fault, all at the same time."""
    named = {
        str(item.callspec.params["name"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path
        if hasattr(item, "callspec") and "name" in item.callspec.params
    }
    with ExitStack() as stack:
        proxy = stack.enter_context(FaultProxy())
        folder = tmp_path_factory.mktemp("faults")
        servers = Servers(folder, fresh_namespace(Kubectl(kubeconfig)), postgresql, stack)
        found = Cases(servers, proxy, folder).run([TABLE[name] for name in sorted(named)], FAULTS)
        _keep(found)
        yield found


def _keep(outcomes: Outcomes) -> None:
    """Leave what each attempt reported in build/tests, to be read."""
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"{name}, {fault}: {each.ended.code} after {each.ended.seconds:.1f} s: {each.message}"
        for (name, fault), each in sorted(outcomes.items())
        if fault is not Fault.NONE
    ]
    KEPT.write_text("\n".join(lines) + "\n")


def test_every_action_that_uses_the_network_is_in_the_table() -> None:
    tested = {row.action for row in TABLE.values()}
    assert tested.isdisjoint(WITHOUT)
    assert sorted(tested | set(WITHOUT)) == catalogue()


@pytest.mark.parametrize("name", sorted(TABLE))
def test_without_a_fault_it_succeeds(outcomes: Outcomes, name: str) -> None:
    calm = outcomes[name, Fault.NONE]
    assert calm.ended.code == 0, calm.logs


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_fault_ends_it_in_time_with_one_line(outcomes: Outcomes, name: str, fault: Fault) -> None:
    outcome = outcomes[name, fault]
    row, log = outcome.row, "\n".join(outcome.logs)
    assert outcome.ended.code is not None, f"it did not end: {log}"
    # On a busy machine a short timeout may end it first.
    assert outcome.met or (fault in OF_TIME and outcome.ended.code), f"no fault was met: {log}"
    limit = float(outcome.case.timeout.removesuffix("s")) + MARGIN_SECONDS + 4 * REQUEST_SECONDS
    assert outcome.ended.seconds < limit, log
    assert "Traceback" not in log, log
    assert not re.search(r"unexpected [A-Z]\w+:", log), log
    assert MARKER not in log, log
    for secret in outcome.secrets:
        assert secret not in log
    code = outcome.ended.code
    if code == 0:
        assert fault in CORRUPT or fault in row.tolerates, log
        return
    message = outcome.message
    assert message.strip(), log
    assert len(message.strip().splitlines()) == 1, message
    if row.unknown_end is not None and fault is not Fault.REFUSED:
        assert code == row.unknown_end, message
    else:
        assert code not in PERMANENT_EXIT_CODES, message


@pytest.mark.parametrize("name", sorted(name for name, row in TABLE.items() if row.made))
def test_an_interrupted_answer_and_a_retry_make_one_thing(outcomes: Outcomes, name: str) -> None:
    outcome = outcomes[name, Fault.CUT_ANSWER]
    if outcome.row.unknown_end is not None:
        return  # not retried
    assert outcome.ended.code, "the attempt was not interrupted"
    assert outcome.retry
    assert outcome.retry.code == 0, outcome.logs
    assert outcome.made == 1, outcome.logs
