"""A real Prometheus that scrapes targets, and a client for it."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dev.monitoring.prometheus import program
from dev.ports import free_port
from tests.kube import eventually


@dataclass(frozen=True)
class Prometheus:
    """Its API, version 1."""

    port: int
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """Its URL."""
        return f"http://{self.host}:{self.port}"

    def get(self, path: str, **query: str) -> Any:
        """The data of an answer; an AssertionError with its words when it is an error."""
        url = f"http://{self.host}:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                raw = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {query}: {error.read().decode()}") from error
        except OSError as error:
            raise AssertionError(f"{path}: {error}") from error
        assert raw["status"] == "success", raw
        return raw["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query."""
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def labels(self, metric: str) -> set[str]:
        """The labels of a metric's series, its name aside."""
        series = self.get("series", **{"match[]": metric})
        return {label for one in series for label in one} - {"__name__"}


@contextmanager
def scraping(
    targets: Mapping[str, Mapping[str, str]],
    folder: Path,
    rules: Path,
    *,
    host: str = "127.0.0.1",
) -> Iterator[Prometheus]:
    """Prometheus, with rules, that scrapes targets every second as monitors of the Prometheus
    Operator have it: with the labels of each target, and those of its metrics kept."""
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {
                "job_name": "itechsmart-workflow",
                "honor_labels": True,
                "static_configs": [
                    {"targets": [target], "labels": dict(labels)}
                    for target, labels in targets.items()
                ],
            }
        ],
    }
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(configuration))
    prometheus = Prometheus(free_port(), host)
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={path}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={host}:{prometheus.port}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            eventually(lambda: prometheus.query("vector(1)"))
            yield prometheus
        finally:
            process.terminate()
            process.wait(30)
