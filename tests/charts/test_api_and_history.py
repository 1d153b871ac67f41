"""What the values of the API and of the history do, with Helm 3 and 4."""

from __future__ import annotations

from typing import Any

import pytest

from tests.charts.options import API, OPTIONS, POSTGRESQL, SHARED, SQLITE
from tests.charts.rendering import (
    NAME,
    Release,
    arguments,
    by_key,
    containers,
    key,
    of_kind,
    pod_of,
    the,
)


@pytest.mark.parametrize("case", OPTIONS)
def test_all_options_render_objects_that_name_their_release(release: Release, case: str) -> None:
    objects = release.objects(OPTIONS[case])
    assert by_key(objects)
    for raw in objects:
        assert raw["metadata"]["labels"]["app.kubernetes.io/instance"] == release.name


def test_neither_is_installed_by_default(release: Release) -> None:
    names = {raw["metadata"]["name"] for raw in release.objects(SHARED)}
    assert not {f"{NAME}-api", f"{NAME}-recorder", f"{NAME}-history"} & names
    assert "--history" not in arguments(release.objects(SHARED), "operator")


@pytest.mark.parametrize("namespaces", [[], ["shop"]], ids=["cluster", "namespaces"])
@pytest.mark.parametrize("history", [{}, POSTGRESQL, SQLITE["history"]])
def test_the_api_has_no_right_and_no_token(
    release: Release, history: dict[str, Any], namespaces: list[str]
) -> None:
    values = {"api": {"enabled": True}, "history": history, "namespaces": namespaces}
    objects = release.objects({**SHARED, **values})
    beside = history == SQLITE["history"]
    pod = pod_of(objects, "recorder" if beside else "api")["spec"]
    assert pod["automountServiceAccountToken"] is False
    api = containers(objects, "recorder" if beside else "api")["api"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for mount in api["volumeMounts"]:
        assert "projected" not in volumes[mount["name"]]
        assert "secret" not in volumes[mount["name"]]
    bound = {
        subject["name"]
        for kind in ("RoleBinding", "ClusterRoleBinding")
        for raw in of_kind(objects, kind)
        for subject in raw["subjects"]
    }
    assert f"{NAME}-api" not in bound


def test_in_sqlite_the_api_and_the_recorder_share_a_pod_and_its_volume(release: Release) -> None:
    objects = release.objects({**SHARED, **SQLITE})
    both = containers(objects, "recorder")
    assert list(both) == ["recorder", "api"]
    urls = {env["value"] for raw in both.values() for env in raw["env"]}
    folder = "/var/lib/itechsmart-workflow"
    assert urls == {f"sqlite:///{folder}/history.sqlite", folder}
    for raw in both.values():
        assert {"name": "history", "mountPath": folder} in raw["volumeMounts"]
    deployment = by_key(objects)["Deployment", NAME, f"{NAME}-recorder"]["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    claim = the(objects, "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    labels = pod_of(objects, "recorder")["metadata"]["labels"]
    service = by_key(objects)["Service", NAME, f"{NAME}-api"]["spec"]
    assert service["selector"].items() <= labels.items()
    assert service["publishNotReadyAddresses"] is True, "an unready recorder blocks no request"


def test_with_postgresql_they_are_deployments_of_their_own(release: Release) -> None:
    database = {**POSTGRESQL, "postgresql": {"secretName": "database", "apiKey": "reader"}}
    objects = release.objects({**SHARED, "api": {"enabled": True}, "history": database})
    keys = {}
    for name in ("api", "recorder"):
        (variable,) = containers(objects, name)[name]["env"]
        reference = variable["valueFrom"]["secretKeyRef"]
        assert reference["name"] == "database"
        keys[name] = reference["key"]
    assert keys == {"api": "reader", "recorder": "database"}
    assert not of_kind(objects, "PersistentVolumeClaim")
    assert "fsGroup" not in pod_of(objects, "recorder")["spec"]["securityContext"]
    deployment = by_key(objects)["Deployment", NAME, f"{NAME}-api"]["spec"]
    assert deployment["replicas"] == 2
    assert by_key(objects)["PodDisruptionBudget", NAME, f"{NAME}-api"]
    service = by_key(objects)["Service", NAME, f"{NAME}-api"]["spec"]
    assert service["selector"] == deployment["selector"]["matchLabels"]
    assert "publishNotReadyAddresses" not in service
    alone = release.objects({**SHARED, "api": {"enabled": True, "replicas": 1}})
    assert ("PodDisruptionBudget", NAME, f"{NAME}-api") not in by_key(alone)
    assert "env" not in containers(alone, "api")["api"], "no history"


@pytest.mark.parametrize(
    ("sqlite", "volume"),
    [
        ({}, {"persistentVolumeClaim": {"claimName": f"{NAME}-history"}}),
        ({"existingClaim": "mine"}, {"persistentVolumeClaim": {"claimName": "mine"}}),
        ({"persistent": False}, {"emptyDir": {"sizeLimit": "5Gi"}}),
    ],
)
def test_the_volume_of_sqlite_is_what_the_values_say(
    release: Release, sqlite: dict[str, Any], volume: dict[str, Any]
) -> None:
    objects = release.objects({**SHARED, "history": {"enabled": True, "sqlite": sqlite}})
    (found,) = pod_of(objects, "recorder")["spec"]["volumes"]
    assert found == {"name": "history", **volume}
    assert bool(of_kind(objects, "PersistentVolumeClaim")) == (sqlite == {})


def test_the_operator_waits_for_the_history_that_the_release_keeps(release: Release) -> None:
    values = {"history": {"enabled": True, "keepDays": 365}, "namespaces": ["shop", "billing"]}
    objects = release.objects({**SHARED, **values})
    assert "--history" in arguments(objects, "operator")
    served = ["--namespace=billing", "--namespace=shop", "--keep-days=365"]
    assert arguments(objects, "recorder")[-3:] == served


def test_traces_are_exported_to_the_collector_that_is_named(release: Release) -> None:
    collector = "http://collector.observability:4318"
    history = {"enabled": True, "keepLogDays": 30, "traces": collector}
    objects = release.objects({**SHARED, "history": history})
    assert arguments(objects, "recorder")[-2:] == ["--keep-log-days=30", f"--traces={collector}"]
    assert "--tracing" in arguments(objects, "operator")
    without = release.objects({**SHARED, "history": {"enabled": True}})
    assert "--tracing" not in arguments(without, "operator")


def test_the_recorder_of_some_namespaces_has_rights_only_there(release: Release) -> None:
    history = {"enabled": True, "serviceAccount": {"name": "keeper"}}
    objects = release.objects({**SHARED, "history": history, "namespaces": ["shop", "billing"]})
    account = {"kind": "ServiceAccount", "name": "keeper", "namespace": NAME}
    bound = [
        key(raw)
        for kind in ("RoleBinding", "ClusterRoleBinding")
        for raw in of_kind(objects, kind)
        if account in raw["subjects"]
    ]
    assert sorted(bound) == [
        ("RoleBinding", "billing", f"{NAME}-recorder-served"),
        ("RoleBinding", NAME, f"{NAME}-recorder"),
        ("RoleBinding", "shop", f"{NAME}-recorder-served"),
    ]
    (status,) = (
        raw
        for raw in of_kind(objects, "ValidatingAdmissionPolicy")
        if raw["metadata"]["name"].endswith("-status")
    )
    expression = status["spec"]["validations"][0]["expression"]
    assert f"system:serviceaccount:{NAME}:keeper'" in expression


def test_two_releases_share_no_object_of_api_and_history(release: Release) -> None:
    left, right = (Release(release.helm, name, "teams") for name in ("left", "right"))
    found = [
        key(raw)
        for own, namespace in ((left, "shop"), (right, "billing"))
        for raw in own.objects({**SHARED, **SQLITE, "namespaces": [namespace]})
    ]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("case", ["API and history in SQLite", "API alone"])
def test_with_a_certificate_the_api_and_its_probes_use_tls(release: Release, case: str) -> None:
    alone = {**SHARED, "api": {"enabled": True, "tls": {"secretName": "api-tls"}}}
    objects = release.objects(OPTIONS.get(case, alone))
    component = "api" if case == "API alone" else "recorder"
    api = containers(objects, component)["api"]
    for probe in ("livenessProbe", "readinessProbe"):
        assert api[probe]["httpGet"]["scheme"] == "HTTPS"
    assert "--tls-certificate=/run/tls/tls.crt" in api["args"]
    assert {"name": "api-tls", "mountPath": "/run/tls", "readOnly": True} in api["volumeMounts"]


def test_the_ingress_leads_to_the_api(release: Release) -> None:
    histories: list[dict[str, Any]] = [{}, SQLITE["history"]]
    for history in histories:
        values = {"api": {"enabled": True, "ingress": API["ingress"]}, "history": history}
        ingress = the(release.objects({**SHARED, **values}), "Ingress")["spec"]
        assert ingress["ingressClassName"] == "nginx"
        assert ingress["tls"] == [{"hosts": ["api.example.com"], "secretName": "api"}]
        (rule,) = ingress["rules"]
        (path,) = rule["http"]["paths"]
        assert (rule["host"], path["path"]) == ("api.example.com", "/automation/")
        service = {"name": f"{NAME}-api", "port": {"name": "api"}}
        assert path["backend"]["service"] == service


def test_requests_and_metrics_are_open_to_those_named_only(release: Release) -> None:
    peers = [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
    layouts: list[tuple[dict[str, Any], str]] = [({}, "api"), (SQLITE["history"], "recorder")]
    for history, component in layouts:
        values = {"api": {"enabled": True, "allowedFrom": peers}, "history": history}
        objects = release.objects({**SHARED, **values})
        rules = by_key(objects)["NetworkPolicy", NAME, f"{NAME}-{component}"]["spec"]["ingress"]
        opened = {port["port"]: rule["from"] for rule in rules for port in rule["ports"]}
        assert opened.pop("api") == peers
        assert set(opened) == {"api-metrics", *(["health"] if history else [])}
        for sources in opened.values():
            assert sources[0]["namespaceSelector"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"api": {"enabled": True, "replicas": 2}, "history": {"enabled": True}},
            "api.replicas: with the history in SQLite there is one replica; leave it out, or set"
            " history.database to postgresql",
        ),
        (
            {"history": {"enabled": True, "database": "postgresql"}},
            "history.postgresql.secretName: name the Secret with the URL of the database",
        ),
        (
            {"api": {"enabled": True, "ingress": {"enabled": True}}},
            "api.ingress.host: give the host name under which callers reach the API",
        ),
        ({"history": {"database": "mysql"}}, "history.database"),
        ({"history": {"sqlite": {"size": "5 GB"}}}, "history.sqlite.size"),
        ({"history": {"keepDays": -1}}, "history.keepDays"),
        ({"history": {"retention": 3}}, "retention"),
        ({"api": {"replica": 3}}, "replica"),
    ],
)
def test_wrong_values_are_refused_by_name(
    release: Release, values: dict[str, Any], said: str
) -> None:
    done = release.attempt(values)
    assert done.returncode != 0
    assert said in done.stderr.replace("/", ".")
