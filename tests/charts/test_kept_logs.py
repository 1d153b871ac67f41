"""What the values of kept logs do, with Helm 3 and 4."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.cli.main import load
from tests.charts.options import HISTORY, OPTIONS, POSTGRESQL, SHARED, SQLITE
from tests.charts.rendering import Object, Release, arguments, containers, pod_of

BUCKET: dict[str, Any] = HISTORY["logs"]
FOLDERS = {"--logs-credentials": "/run/logs-credentials", "--logs-ca": "/run/logs-ca/ca.crt"}


def rendered(release: Release, logs: dict[str, Any], history: dict[str, Any]) -> list[Object]:
    """The API and a history with these values of logs."""
    values = {"api": {"enabled": True}, "history": {**history, "logs": logs}}
    return release.objects({**SHARED, **values})


def options_of(container: Object) -> dict[str, str]:
    """Those about logs that a container is started with."""
    pairs = (argument.partition("=")[::2] for argument in container["args"][1:])
    return {name: value for name, value in pairs if name.startswith(("--logs", "--log-limit"))}


def secrets_of(pod: Object, container: Object) -> dict[str, str]:
    """The Secrets that a container has, by the folder."""
    volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
    named = {
        mount["mountPath"]: volumes[mount["name"]].get("secret", {}).get("secretName")
        for mount in container["volumeMounts"]
    }
    return {path: secret for path, secret in named.items() if path.startswith("/run/logs")}


@pytest.mark.parametrize("layout", ["one pod", "two pods"])
def test_recorder_and_api_use_the_same_bucket_each_with_its_own_credentials(
    release: Release, layout: str
) -> None:
    objects = rendered(release, BUCKET, POSTGRESQL if layout == "two pods" else SQLITE["history"])
    api_pod = pod_of(objects, "api" if layout == "two pods" else "recorder")
    api = {one["name"]: one for one in api_pod["spec"]["containers"]}["api"]
    recorder = containers(objects, "recorder")["recorder"]
    shared = {
        "--logs": "s3://logs/production",
        "--logs-endpoint": "https://s3.example.com",
        "--logs-region": "eu-west-1",
        **FOLDERS,
    }
    assert options_of(api) == shared
    assert options_of(recorder) == {**shared, "--log-limit": "8"}
    folders = {"/run/logs-credentials": "bucket", "/run/logs-ca": "storage-ca"}
    assert secrets_of(pod_of(objects, "recorder"), recorder) == folders
    assert secrets_of(api_pod, api) == {**folders, "/run/logs-credentials": "reader"}
    names = [one["name"] for one in api_pod["spec"]["volumes"]]
    assert len(names) == len(set(names))


def test_without_secrets_of_its_own_the_api_has_the_recorders_and_none_is_needed(
    release: Release,
) -> None:
    logs = {"place": "s3://logs", "credentialsSecretName": "bucket"}
    objects = rendered(release, logs, POSTGRESQL)
    for name in ("api", "recorder"):
        own = containers(objects, name)[name]
        assert secrets_of(pod_of(objects, name), own) == {"/run/logs-credentials": "bucket"}
    objects = rendered(release, {"place": "s3://logs"}, POSTGRESQL)
    assert options_of(containers(objects, "api")["api"]) == {"--logs": "s3://logs"}
    assert "volumes" not in pod_of(objects, "recorder")["spec"]


@pytest.mark.parametrize("place", ["database", "off"])
def test_without_a_bucket_only_the_recorder_needs_to_know(release: Release, place: str) -> None:
    objects = rendered(release, {"place": place}, POSTGRESQL)
    assert options_of(containers(objects, "api")["api"]) == {}
    wanted = {"--logs": "off"} if place == "off" else {}
    assert options_of(containers(objects, "recorder")["recorder"]) == wanted


def test_every_option_of_logs_has_a_value_and_every_argument_is_an_option(
    release: Release,
) -> None:
    objects = release.objects(OPTIONS["API and history in PostgreSQL, for namespaces"])
    for name in ("api", "recorder"):
        options = {option for one in load(name).params for option in one.opts}
        given = {argument.partition("=")[0] for argument in arguments(objects, name)[1:]}
        assert given <= options
        about = ("--logs", "--log-limit", "--keep-")
        assert {option for option in options if option.startswith(about)} <= given


@pytest.mark.parametrize(
    ("logs", "said"),
    [
        (
            {"endpoint": "https://s3.example.com"},
            "history.logs.endpoint: set history.logs.place to",
        ),
        (
            {"place": "off", "credentialsSecretName": "bucket"},
            "history.logs.credentialsSecretName: set history.logs.place to s3://BUCKET/PREFIX",
        ),
        ({"place": "logs"}, "history.logs.place"),
        ({"place": "s3://logs", "endpoint": "s3.example.com"}, "history.logs.endpoint"),
        ({"place": "s3://logs", "region": "EU West"}, "history.logs.region"),
        ({"limitMiB": 0}, "history.logs.limitMiB"),
        ({"bucket": "logs"}, "bucket"),
    ],
)
def test_values_that_do_not_fit_are_refused_by_their_path(
    release: Release, logs: dict[str, Any], said: str
) -> None:
    done = release.attempt({**SHARED, "history": {"enabled": True, "logs": logs}})
    assert done.returncode != 0
    shown = done.stderr if said in done.stderr else done.stderr.replace("/", ".")
    assert said in shown
