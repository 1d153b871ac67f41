"""The log of a pod that is deleted at once is read through the API afterwards."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dev.cluster.images import BUSYBOX_IMAGE
from orchestrator.engine.status.conditions import is_recorded
from orchestrator.jobs.evidence import phase_of
from tests.api_process import ApiUser, running_api, token_of
from tests.kube import Kubectl, eventually, execution, manifest, workflow
from tests.recorder_process import RecorderProcess
from tests.service_accounts import recorder_account

# As the first process of its container it gets SIGTERM only because it handles it.
TALK = """\
trap 'echo the end; exit 0' TERM
i=0
while true; do
  i=$((i + 1))
  echo "line $i"
  [ $((i % 3)) -ne 0 ] || echo "aside $i" >&2
  sleep 0.2
done
"""
TEMPLATE = manifest(
    "Template",
    "talk",
    {"action": {"image": BUSYBOX_IMAGE, "script": {"interpreter": "sh", "source": TALK}}},
)
pytestmark = pytest.mark.usefixtures("operator")


class Kept:
    """What the recorder has stored."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def version(self) -> int:
        """How often the only log was written; 0 if it was not."""
        try:
            with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as connection:
                row = connection.execute("SELECT version FROM logs").fetchone()
        except sqlite3.OperationalError:  # the recorder has not made the tables yet
            return 0
        return int(row[0]) if row else 0


@pytest.fixture
def user(kubectl: Kubectl, tmp_path: Path) -> Iterator[ApiUser]:
    options = f"--database=sqlite:///{tmp_path / 'history.db'}"
    with running_api(kubectl.kubeconfig, tmp_path / "api.log", options) as anyone:
        yield anyone


def test_the_log_of_a_pod_that_is_deleted_at_once_is_read_afterwards(
    kubectl: Kubectl, user: ApiUser, tmp_path: Path
) -> None:
    account = recorder_account(kubectl.kubeconfig, tmp_path)
    file = tmp_path / "history.db"
    options = (f"--database=sqlite:///{file}", f"--namespace={kubectl.namespace}")
    recorder, kept = RecorderProcess(account, tmp_path / "log", *options), Kept(file)
    kubectl.apply(TEMPLATE, workflow("talks", nodes=[{"name": "talk", "action": "local/talk"}]))
    recorder.start()
    try:
        kubectl.create(execution("talks", "run"))
        eventually(lambda: kept.version() > 0, 300)
        recorder.kill()
        before = kept.version()
        recorder.start()
        eventually(lambda: kept.version() > before, 300)
        (pod,) = kubectl.get("pods")["items"]
        name = pod["metadata"]["name"]
        kubectl("exec", name, "-c", "action", "--", "kill", "-TERM", "1")
        # Before that, the Job would count it as lost, and start another.
        eventually(lambda: phase_of(kubectl.get("pod", name)) == "Succeeded", 120)
        kubectl("delete", "pod", name, "--grace-period=0", "--force")
        eventually(lambda: is_recorded(kubectl.get("awfx", "run").get("status") or {}), 300)
    finally:
        recorder.stop()
    eventually(lambda: name not in kubectl.names("pods"))
    path = f"/executions/run/nodes/talk/logs?namespace={kubectl.namespace}"
    read = user.within(token_of(kubectl, "reader", "view"))("GET", path)
    assert read.status == 200, read.text
    lines = [line.removeprefix("talk | ") for line in read.text.splitlines()]
    said = [line for line in lines if not line.startswith("aside ")]
    assert said == [*(f"line {n}" for n in range(1, len(said))), "the end"]
    aside = [int(line.split()[1]) for line in lines if line.startswith("aside ")]
    assert aside == list(range(3, len(said), 3))
    kubectl("create", "role", "sees", "--verb=get,list",
            "--resource=workflowexecutions.automation.itechsmart.dev,pods")  # fmt: skip
    other = token_of(kubectl, "other")
    account_of = f"--serviceaccount={kubectl.namespace}:other"
    kubectl("create", "rolebinding", "sees", "--role=sees", account_of)
    refused = user.within(other)("GET", path)
    assert refused.status == 403, refused.text
    assert "pods/log" in json.loads(refused.text)["detail"]
