"""image-build, a Template written as YAML alone: what its script asks of buildctl.

A program in the place of buildctl records its arguments; no BuildKit daemon runs in the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from orchestrator.actions.manifest import handwritten
from tests.action_coverage import record_action
from tests.examples import example

PROVES = {"its script, with a program in place of buildctl": ["image-build"]}

DIGEST = "sha256:" + "a" * 64
PERMANENT, RETRY, USAGE = 65, 1, 64
BUILDCTL = """#!/bin/sh
printf '%s\\n' "$@" > "$FOLDER/arguments"
cat "$DOCKER_CONFIG/config.json" > "$FOLDER/config" 2> /dev/null
env > "$FOLDER/environment"
while [ $# -gt 0 ]; do
  [ "$1" = --metadata-file ] && metadata=$2
  [ "$1" = --tlskey ] && cat "$2" > "$FOLDER/key"
  shift
done
if [ -n "$ERROR" ]; then echo "error: $ERROR" >&2; exit 1; fi
printf '{\\n  "containerimage.digest": "%s"\\n}' "$DIGEST" > "$metadata"
"""


def build(folder: Path, *, error: str = "", **parameters: str | bool) -> tuple[int, str]:
    """The exit code of the script, and what it leaves."""
    spec = yaml.safe_load(handwritten()["image-build"])["spec"]
    program = folder / "buildctl"
    program.write_text(BUILDCTL)
    program.chmod(0o755)
    defaults = {each["name"]: each["default"] for each in spec["parameters"] if "default" in each}
    given = {
        **defaults, "address": "tcp://buildkitd:1234", "image": "registry/shop:1", **parameters,
    }  # fmt: skip
    outputs = folder / "outputs"
    environ = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "OUTPUTS": str(outputs),
        "WORKSPACE": str(folder / "workspace"),
        "FOLDER": str(folder),
        "DIGEST": DIGEST,
        "ERROR": error,
        **{
            f"PARAM_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in given.items()
        },
    }
    source = spec["action"]["script"]["source"]
    ended = subprocess.run(["sh", "-c", source], env=environ, check=False, capture_output=True)
    if ended.returncode == 0:
        record_action("image-build")
    return ended.returncode, outputs.read_text() if outputs.exists() else ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    context = tmp_path / "workspace/web/docker"
    context.mkdir(parents=True)
    (context / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


def test_an_image_is_built_and_pushed(folder: Path) -> None:
    code, outputs = build(
        folder, context="web", dockerfile="docker/Dockerfile", target="app",
        platforms="linux/amd64,linux/arm64", arguments="A=1 2\nB='x' \"$(y)\"\n",
        registryConfig='{"auths": {}}', caCertificate="CA", clientCertificate="CERT",
        clientKey="KEY",
    )  # fmt: skip
    assert (code, json.loads(outputs)) == (
        0, {"image": f"registry/shop:1@{DIGEST}", "digest": DIGEST},
    )  # fmt: skip
    arguments = (folder / "arguments").read_text().splitlines()
    assert arguments[:2] == ["--addr", "tcp://buildkitd:1234"]
    given = [arguments[i + 1] for i, word in enumerate(arguments) if word == "--opt"]
    assert given == [
        "filename=Dockerfile", "target=app", "platform=linux/amd64,linux/arm64",
        "build-arg:A=1 2", "build-arg:B='x' \"$(y)\"",
    ]  # fmt: skip
    assert "type=image,name=registry/shop:1,push=true" in arguments
    assert f"dockerfile={folder}/workspace/web/docker" in arguments
    assert (folder / "config").read_text() == '{"auths": {}}'
    assert (folder / "key").read_text() == "KEY\n"
    assert "PARAM_CLIENTKEY" not in (folder / "environment").read_text()


def test_the_example_runs(folder: Path) -> None:
    (folder / "workspace/web/Dockerfile").write_text("FROM scratch\n")
    (parameters,) = example("image-build", {"registry": '{"auths": {}}'})
    code, outputs = build(folder, **parameters)
    assert (code, json.loads(outputs)["digest"]) == (0, DIGEST)
    assert "build-arg:CHANNEL=stable" in (folder / "arguments").read_text().splitlines()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("failed to solve: process did not complete successfully: exit code: 1", PERMANENT),
        ("failed to solve: push access denied, authorization failed", PERMANENT),
        ("dial tcp 10.0.0.1:1234: connect: connection refused", RETRY),
        ("unexpected status: 503 Service Unavailable", RETRY),
    ],
)
def test_failures_are_classified(folder: Path, error: str, expected: int) -> None:
    code, message = build(folder, context="web", dockerfile="docker/Dockerfile", error=error)
    assert (code, error in message) == (expected, True)


def test_a_missing_dockerfile_is_permanent(folder: Path) -> None:
    code, message = build(folder, context="web")
    assert (code, "no web/Dockerfile in the workspace" in message) == (PERMANENT, True)


@pytest.mark.parametrize("secret", ["registryConfig", "clientKey"])
def test_secrets_need_a_verified_daemon(folder: Path, secret: str) -> None:
    given = {"context": "web", "dockerfile": "docker/Dockerfile", secret: "S"}
    code, message = build(folder, **given)
    assert (code, f"{secret} needs caCertificate" in message) == (USAGE, True), message
    assert not (folder / "arguments").exists()
    assert build(folder, **given, insecure=True)[0] == 0
    assert build(folder, **given, caCertificate="CA")[0] == 0


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"context": "web/../.."}, "context must not contain .."),
        ({"context": "web", "dockerfile": "../../x"}, "dockerfile must not contain .."),
        ({"context": "out"}, "context leads out of the workspace"),
        ({"context": "web", "dockerfile": "link"}, "dockerfile leads out of the workspace"),
    ],
)
def test_paths_stay_in_the_workspace(folder: Path, parameters: dict[str, str], words: str) -> None:
    outside = folder / "outside"
    outside.mkdir()
    (outside / "Dockerfile").write_text("FROM scratch\n")
    (folder / "workspace/out").symlink_to(outside)
    (folder / "workspace/web/link").symlink_to(outside / "Dockerfile")
    assert build(folder, **parameters) == (PERMANENT, words + "\n")
    assert not (folder / "arguments").exists()
