"""The API against its own OpenAPI description: schemathesis makes requests of every kind to each
route, with a real token and on objects that exist."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cluster.api_environment import ApiEnvironment, api_environment
from tests.cluster.test_api_rights import filled
from tests.history_database import HistoryDatabase
from tests.postgresql import PostgresqlServer

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
OBJECTS = {"workflows": "w", "executions": "e", "triggers": "t", "templates": "whole",
           "actions": "part"}  # fmt: skip
UNLIMITED = ("--rate=100000", "--burst=100000")


def configuration(env: ApiEnvironment, execution: str) -> str:
    """Paths name objects that exist; the rest of each request is generated."""
    parts = []
    for kind, name in {**OBJECTS, "executions": execution}.items():
        parts += [
            "[[operations]]",
            f'include-path-regex = "/{kind}/"',
            "[operations.parameters]",
            f'"path.id" = "{env.namespace}:{name}"',
            '"path.node" = "hold"',
            f'"query.namespace" = "{env.namespace}"',
            '"header.If-Match" = "*"',
        ]
    return "\n".join(parts)


def test_every_answer_is_as_described_whatever_is_sent(
    kubeconfig: Path, tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    """Also of an execution that is only in the history."""
    history = HistoryDatabase(postgresql, tmp_path)
    options = (*UNLIMITED, f"--database-file={history.file}")
    with api_environment(kubeconfig, tmp_path, *options) as env:
        filled(env.admin, history)
        check(env, tmp_path, "e")
        check(env, tmp_path, "past", "--include-path-regex=/executions/")


def check(env: ApiEnvironment, folder: Path, execution: str, *options: str) -> None:
    """Send requests, and compare their answers with the description."""
    settings = folder / "schemathesis.toml"
    settings.write_text(configuration(env, execution))
    admin = env["admin"]
    command = [str(Path(sys.executable).parent / "schemathesis"), f"--config-file={settings}"]
    command += ["run", f"http://127.0.0.1:{admin.port}/automation/openapi.json"]
    command += ["-H", f"Authorization: Bearer {admin.token}", f"--checks={','.join(CHECKS)}"]
    command += ["--phases=coverage,fuzzing", "--max-examples=2", "--generation-deterministic"]
    done = subprocess.run(
        [*command, *options], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
