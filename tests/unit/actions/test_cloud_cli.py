"""aws-cli, gcloud-cli and az-cli, Templates of YAML alone: their scripts with a program in place of
the provider's, which records how it is called."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.actions import ScriptRun
from tests.examples import example

PROVES = {
    "its script, with a program in place of aws": ["aws-cli"],
    "its script, with a program in place of az": ["az-cli"],
    "its script, with a program in place of gcloud": ["gcloud-cli"],
}

PERMANENT, RETRY = 65, 1
PROGRAMS = {"aws-cli": "aws", "gcloud-cli": "gcloud", "az-cli": "az"}
PARAMETERS: dict[str, dict[str, Any]] = {
    "aws-cli": {"region": "eu-central-1"},
    "gcloud-cli": {"project": "shop"},
    "az-cli": {"tenant": "shop.example.com", "clientId": "app", "subscription": "Shop (1)"},
}
SECRETS = {
    "aws-cli": {"accessKeyId": "AKIA", "secretAccessKey": "s3cr3t"},
    "gcloud-cli": {"credentials": '{"type": "s3cr3t"}'},
    "az-cli": {"clientSecret": "s3cr3t"},
}
RECORD = """#!/bin/bash
printf '%s\\0' "$@" >> "$(dirname "$0")/calls"; printf '\\1' >> "$(dirname "$0")/calls"
env > "$(dirname "$0")/environment"
for file in "${CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE:-}" "${@: -1}"; do
  file=${file#@}
  [ -f "$file" ] && { cat "$file"; stat -c ' %a' "$file"; } > "$(dirname "$0")/secret"
done
[ "$1" != login ] || exit 0
[ "$1" != account ] || exit 0
"""


@pytest.fixture(params=sorted(PROGRAMS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cli(name: str, tmp_path: Path) -> ScriptRun:
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    (tmp_path / "bin").mkdir()
    return ScriptRun(tmp_path, path, SECRETS[name], PARAMETERS[name])


def install(cli: ScriptRun, name: str, behaviour: str) -> None:
    program = cli.folder / "bin" / PROGRAMS[name]
    program.write_text(RECORD + behaviour)
    program.chmod(0o755)


def calls(cli: ScriptRun) -> list[list[str]]:
    text = (cli.folder / "bin/calls").read_text()
    return [call.split("\0")[:-1] for call in text.split("\1")[:-1]]


TRICKY = [
    "name = \"a\" $(id) `id`; 'x'",
    "a\nb\n",
    '\\\\"\\n',
    "",
    "zwölf\t\x1b, ]",
    '"',
    "\\",
    "-x",
]


def test_items_are_arguments_and_output_is_text(cli: ScriptRun, name: str) -> None:
    printed = '{"names": ["a\\\\b", "zwölf"],\n\t"n": 1}'
    install(cli, name, f"cat <<'END'\n{printed}\nEND\n")
    ended = cli(name, args=["compute", "list", 3, True, *TRICKY])
    assert ended.code == 0, ended.message
    assert ended.outputs["output"] == printed
    assert json.loads(ended.outputs["output"])["names"] == ["a\\b", "zwölf"]
    assert (ended.outputs["size"], ended.outputs["truncated"]) == (len(printed.encode()) + 1, False)
    assert calls(cli)[-1] == ["compute", "list", "3", "true", *TRICKY]


def test_the_example_runs(cli: ScriptRun, name: str) -> None:
    install(cli, name, "echo '[]'")
    secret = "s3cr3t"
    names = ("accessKey", "secretKey", "clientSecret", "key")
    (parameters,) = example(name, dict.fromkeys(names, secret))
    public = {key: value for key, value in parameters.items() if value != secret}
    ended = cli(name, **public)
    assert (ended.code, ended.outputs["output"].strip()) == (0, "[]"), ended.message
    assert calls(cli)[-1][: len(public["args"])] == public["args"]


@pytest.mark.parametrize(
    ("item", "words"),
    [({}, "must be a string"), (["y"], "must be a string"), (None, "must be a string"),
     ("a\0b", "contains the character NUL")],
)  # fmt: skip
def test_items_that_are_no_arguments_are_refused(
    cli: ScriptRun, name: str, item: object, words: str
) -> None:
    install(cli, name, "")
    ended = cli(name, args=["x", item])
    assert (ended.code, f"args[1] {words}" in ended.message) == (PERMANENT, True), ended.message
    assert not (cli.folder / "bin/calls").exists()


FILES = {
    "aws-cli": ["file:///etc/passwd", "fileb://x", "--user-data=file://x", "Key@=file://x"],
    "az-cli": ["@/etc/passwd", "--body=@x", "name=@x", "a=b=@x"],
}


@pytest.mark.parametrize(
    ("cloud", "item"), [(cloud, item) for cloud, items in FILES.items() for item in items]
)
def test_files_are_read_only_if_allowed(tmp_path: Path, cloud: str, item: str) -> None:
    (tmp_path / "bin").mkdir()
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    cli = ScriptRun(tmp_path, path, SECRETS[cloud], PARAMETERS[cloud])
    install(cli, cloud, "")
    refused = cli(cloud, args=["x", item])
    assert (refused.code, "args[1] makes" in refused.message) == (PERMANENT, True)
    assert not (tmp_path / "bin/calls").exists()
    assert cli(cloud, args=["x", item], allowFiles=True).code == 0
    assert calls(cli)[-1] == ["x", item]


def test_addresses_and_queries_are_no_files_of_azure(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    cli = ScriptRun(tmp_path, path, SECRETS["az-cli"], PARAMETERS["az-cli"])
    install(cli, "az-cli", "ls /dev/shm")
    ended = cli("az-cli", args=["ad", "--upn", "ana@example.com", "--query", "[?length(@) > `1`]"])
    assert ended.code == 0, ended.message
    assert "azure-" not in ended.outputs["output"], "the secret is there only while az logs in"


def test_secrets_are_neither_arguments_nor_output(
    cli: ScriptRun, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    install(cli, name, "")
    assert cli(name, args=["x"]).code == 0
    assert "s3cr3t" not in str(calls(cli)) + "".join(capfd.readouterr())
    if name == "aws-cli":
        environment = (cli.folder / "bin/environment").read_text().splitlines()
        assert {"AWS_ACCESS_KEY_ID=AKIA", "AWS_SECRET_ACCESS_KEY=s3cr3t"} <= set(environment)
        return
    secret = (cli.folder / "bin/secret").read_text()
    assert ("s3cr3t" in secret, secret.split()[-1]) == (True, "600")
    assert not list(Path("/dev/shm").glob(f"{PROGRAMS[name]}*-*"))


def test_azure_logs_in_as_the_service_principal_first(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    cli = ScriptRun(tmp_path, path, SECRETS["az-cli"], PARAMETERS["az-cli"])
    install(cli, "az-cli", "")
    assert cli("az-cli", args=["vm", "list"]).code == 0
    login, account, command = calls(cli)
    assert login[:-1] == [
        "login", "--service-principal", "--tenant", "shop.example.com",
        "--username", "app", "--password",
    ]  # fmt: skip
    assert account == ["account", "set", "--subscription", "Shop (1)"]
    assert command == ["vm", "list"]


@pytest.mark.parametrize("piece", ["x", "ü", '"', "\\\\", "x\\n"])
def test_long_output_is_shortened_to_what_outputs_may_be(
    cli: ScriptRun, name: str, piece: str
) -> None:
    install(cli, name, f"for i in {{1..20000}}; do printf '{piece}'; done; echo end")
    ended = cli(name, args=["x"])
    assert (ended.code, ended.outputs["truncated"]) == (0, True), ended.message
    assert (cli.folder / "outputs").stat().st_size <= 4096
    assert len(ended.outputs["output"]) >= 300


@pytest.mark.parametrize(
    ("words", "code"),
    [("AccessDenied: no permission", PERMANENT), ("Connection refused", None)],
)
def test_failures_are_classified_by_what_the_program_reports(
    cli: ScriptRun, name: str, words: str, code: int | None
) -> None:
    transient = {"aws-cli": "Could not connect to the endpoint"}.get(name, "Connection refused")
    reported = words if code else transient
    install(cli, name, f"echo first >&2; echo '{reported}' >&2; exit 3")
    ended = cli(name, args=["x"])
    assert ended.code == (code or RETRY)
    assert ended.message == f"{PROGRAMS[name]} exited with 3: {reported}"
