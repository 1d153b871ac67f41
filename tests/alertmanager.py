"""A real Alertmanager."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
import yaml

from dev.monitoring.prometheus import ALERTMANAGER, program
from dev.ports import free_port
from tests.kube import eventually


@dataclass(frozen=True)
class Alertmanager:
    """Its API, version 2."""

    url: str

    def get(self, path: str) -> Any:
        """The JSON of a response."""
        response = requests.get(f"{self.url}/api/v2/{path}", timeout=30)
        response.raise_for_status()
        return response.json()

    def alert(self, **labels: str) -> None:
        """Send an alert that fires."""
        self._send([{"labels": labels}])

    def resolve(self, *alerts: Mapping[str, str]) -> None:
        """Send alerts, by their labels, as resolved at the same time."""
        now = datetime.now(UTC).isoformat()
        self._send([{"labels": labels, "endsAt": now} for labels in alerts])

    def _send(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        requests.post(f"{self.url}/api/v2/alerts", json=alerts, timeout=30).raise_for_status()

    def silence(self, name: str) -> str:
        """Silence the alert of this name; returns the silence's id."""
        matcher = {"name": "alertname", "value": name, "isRegex": False}
        now = datetime.now(UTC)
        body: dict[str, Any] = {
            "matchers": [matcher],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "tests",
            "comment": name,
        }
        response = requests.post(f"{self.url}/api/v2/silences", json=body, timeout=30)
        response.raise_for_status()
        return str(response.json()["silenceID"])

    def states(self) -> Mapping[str, str]:
        """The state of each alert by its name: active, suppressed or unprocessed."""
        return {one["labels"]["alertname"]: one["status"]["state"] for one in self.get("alerts")}


@contextmanager
def running(folder: Path, webhook: Mapping[str, Any] | None = None) -> Iterator[Alertmanager]:
    """An Alertmanager that notifies a webhook of each group of alerts, or no one."""
    configuration = folder / "alertmanager.yaml"
    route = {"receiver": "one", "group_by": ["alertname"], "group_wait": "1s"}
    hooks = {} if webhook is None else {"webhook_configs": [dict(webhook)]}
    whole = {"route": {**route, "group_interval": "1s"}, "receivers": [{"name": "one", **hooks}]}
    configuration.write_text(yaml.safe_dump(whole))
    port = free_port()
    command = [
        str(program(ALERTMANAGER)),
        f"--config.file={configuration}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with (folder / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            alertmanager = Alertmanager(f"http://127.0.0.1:{port}")
            eventually(lambda: _ready(alertmanager))
            yield alertmanager
        finally:
            process.terminate()
            process.wait(30)


def _ready(alertmanager: Alertmanager) -> bool:
    try:
        return bool(alertmanager.get("status"))
    except OSError:
        return False
