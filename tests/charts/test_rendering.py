"""What the values of the chart do, with Helm 3 and 4."""

from __future__ import annotations

import base64
import datetime
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.charts.options import SHARED
from tests.charts.rendering import (
    NAME,
    Key,
    Object,
    Release,
    by_key,
    is_hook,
    key,
    of_kind,
    the,
)

KNOWN = "--api-versions=automation.itechsmart.dev/v1alpha1/ClusterTemplate"
"""A cluster that has the custom resource definitions."""
SELECTED = {
    "matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["billing", "shop"]}
    ]
}
DIGEST = "sha256:" + "0123456789abcdef" * 4
ALL_OPTIONS: dict[str, Any] = {
    "namespaces": ["shop"],
    "image": {"pullSecrets": [{"name": "registry"}]},
    "operator": {
        "replicas": 3,
        "workers": 16,
        "logFormat": "plain",
        "logLevel": "debug",
        "serviceAccount": {"name": "mine", "annotations": {"example.com/a": "b"}},
        "podAnnotations": {"example.com/a": "b"},
        "podLabels": {"example.com/a": "b"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/component": "operator"}},
            }
        ],
        "priorityClassName": "system-cluster-critical",
        "extraArgs": ["--workers=8"],
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy"}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
        "podDisruptionBudget": {"maxUnavailable": "50%"},
    },
    "runner": {"namespaces": ["shop"]},
    "webhook": {"enabled": True},
    "networkPolicy": {"egress": [{"ports": [{"port": 443}]}]},
    "metrics": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
        "dashboard": {"enabled": True, "annotations": {"grafana_folder": "Automation"}},
    },
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more"}}],
    "tests": {"namespace": "shop"},
}
PEOPLE = {"U1": {"user": "ana", "groups": ["sre"]}, "U2": {"user": "bob"}}
RECEIVER: dict[str, Any] = {
    "enabled": True,
    "logLevel": "debug",
    "secretNamespaces": ["shop"],
    "audiences": ["automation"],
    "tls": {"secretName": "hooks-tls", "clientCaSecretName": "clients"},
    "volumes": [
        {"name": "inbox", "namespaces": ["shop"], "source": {"hostPath": {"path": "/srv/inbox"}}}
    ],
    "slack": {"enabled": True, "signingSecret": {"name": "slack"}, "people": PEOPLE},
    "service": {"type": "LoadBalancer", "port": 443, "annotations": {"example.com/a": "b"}},
    "ingress": {"enabled": True, "host": "hooks.example.com", "tlsSecretName": "hooks"},
    "gateway": {"enabled": True, "parentRefs": [{"name": "outside"}], "hostnames": ["hooks"]},
    "autoscaling": {"enabled": True, "maxReplicas": 5},
    "allowedFrom": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
    "egress": [{"ports": [{"port": 443}]}],
    "serviceAccount": {"name": "hooks", "annotations": {"example.com/a": "b"}},
    "podAnnotations": {"example.com/a": "b"},
    "podLabels": {"example.com/a": "b"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "system-cluster-critical",
    "extraArgs": ["--max-body=2048"],
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy"}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
}
MATRIX: dict[str, dict[str, Any]] = {
    "defaults": {},
    "one replica": {"operator": {"replicas": 1}},
    "namespaces": {"namespaces": ["shop", "billing"]},
    "second release": SHARED,
    "nothing optional": {
        **SHARED,
        "policies": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "operator": {"podDisruptionBudget": {"enabled": False}},
        "rbac": {"userRoles": False, "runnerRoles": False},
    },
    "no aggregation": {"rbac": {"aggregate": False, "catalogueReaders": False}},
    "webhook by the chart": {"webhook": {"enabled": True}},
    "webhook by cert-manager": {
        "webhook": {"enabled": True, "certificate": {"source": "cert-manager"}}
    },
    "webhook by an issuer": {
        "webhook": {
            "enabled": True,
            "certificate": {
                "source": "cert-manager",
                "issuerRef": {"kind": "ClusterIssuer", "name": "internal"},
            },
        }
    },
    "webhook by a Secret": {
        "webhook": {
            "enabled": True,
            "certificate": {"source": "secret", "secretName": "mine", "caBundle": "PEM"},
        }
    },
    "no one reads metrics": {"metrics": {"allowedFrom": []}},
    "all options": ALL_OPTIONS,
    "a parent chart": {"global": {"imageRegistry": "registry.example.com"}},
    "names": {"fullnameOverride": "flow"},
    "receiver": {"receiver": {"enabled": True}},
    "receiver for namespaces": {"receiver": RECEIVER, "namespaces": ["shop", "billing"]},
}


@pytest.mark.parametrize("case", MATRIX)
def test_every_combination_renders_objects_that_name_their_release(
    release: Release, case: str
) -> None:
    objects = release.objects(MATRIX[case])
    found = by_key(objects)
    assert found
    for raw in objects:
        if key(raw) == ("ConfigMap", "", "more"):
            continue
        labels = raw["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == release.name
        assert labels["app.kubernetes.io/managed-by"] == "Helm"


def test_the_image_is_named_once_for_operator_and_runner(release: Release) -> None:
    image = {"registry": "registry.example.com", "repository": "team/workflow"}
    for given, wanted in (
        ({"tag": "1.2"}, "registry.example.com/team/workflow:1.2"),
        ({"digest": DIGEST}, f"registry.example.com/team/workflow@{DIGEST}"),
        ({"tag": "1.2", "digest": DIGEST}, f"registry.example.com/team/workflow@{DIGEST}"),
        ({"registry": "", "tag": "1.2"}, "team/workflow:1.2"),
    ):
        deployment = the(release.objects({"image": {**image, **given}}), "Deployment")
        assert images(deployment) == (wanted, wanted)


def test_the_runner_can_have_an_image_of_its_own(release: Release) -> None:
    """The digest is the operator's image's: it never applies to another repository."""
    image = {"registry": "registry.example.com", "digest": DIGEST}
    runner = {"image": {"repository": "team/runner", "tag": "2"}}
    deployment = the(release.objects({"image": image, "runner": runner}), "Deployment")
    assert images(deployment) == (
        f"registry.example.com/itechsmart/workflow@{DIGEST}",
        "registry.example.com/team/runner:2",
    )


def images(deployment: Object) -> tuple[str, str]:
    """The operator's and the runner's."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return container["image"], container["env"][0]["value"]


def test_pull_secrets_reach_the_operator_and_the_runner(release: Release) -> None:
    secrets = [{"name": "registry"}]
    values = {"image": {"pullSecrets": secrets}, "runner": {"namespaces": ["shop", "billing"]}}
    objects = release.objects(values)
    accounts = of_kind(objects, "ServiceAccount")
    assert [raw["metadata"]["name"] for raw in accounts].count("automation-runner") == 2
    assert all(raw["imagePullSecrets"] == secrets for raw in accounts)
    pod = the(objects, "Deployment")["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == secrets


def test_definitions_are_kept_unless_asked_otherwise(release: Release) -> None:
    kept = of_kind(release.objects(), "CustomResourceDefinition")
    assert len(kept) == 6
    for raw in kept:
        assert raw["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    removed = of_kind(release.objects({"crds": {"keep": False}}), "CustomResourceDefinition")
    assert len(removed) == 6
    assert not any("annotations" in raw["metadata"] for raw in removed)
    assert not of_kind(release.objects(SHARED), "CustomResourceDefinition")


def test_the_catalogue_follows_the_definitions_that_the_release_brings(release: Release) -> None:
    """Helm takes no object of a kind that the cluster does not know: such ones are hooks."""
    kind = "ClusterTemplate"
    first = [raw for raw in release.objects() if raw["kind"] == kind]
    later = [raw for raw in release.objects({}, KNOWN) if raw["kind"] == kind]
    assert all(is_hook(raw) for raw in first)
    assert not any(is_hook(raw) for raw in later)
    made = [
        raw for raw in first if "post-install" in raw["metadata"]["annotations"]["helm.sh/hook"]
    ]
    assert [key(raw) for raw in made] == [key(raw) for raw in later]
    for raw in made:
        assert raw["metadata"]["annotations"]["meta.helm.sh/release-name"] == NAME
    dropped = [
        raw for raw in first if raw["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"
    ]
    assert [key(raw) for raw in dropped] == [key(raw) for raw in later]
    assert not [raw for raw in release.objects(SHARED, KNOWN) if raw["kind"] == kind]


def test_a_job_waits_for_the_new_kinds_before_a_hook_needs_them(release: Release) -> None:
    def jobs(values: dict[str, Any], *options: str) -> list[Object]:
        return [raw for raw in release.objects(values, *options) if raw["kind"] == "Job"]

    (job,) = jobs({})
    hook = job["metadata"]["annotations"]
    assert hook["helm.sh/hook"] == "post-install,post-upgrade,post-rollback"
    assert int(hook["helm.sh/hook-weight"]) < 0, "before the catalogue"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["crds", "--wait=2m"]
    operator = the(release.objects(), "Deployment")["spec"]["selector"]["matchLabels"]
    assert not operator.items() <= job["spec"]["template"]["metadata"]["labels"].items()
    for values in ({"catalogue": {"wait": False}}, {"catalogue": {"enabled": False}}, SHARED):
        assert jobs(values) == []
    assert jobs({}, KNOWN) == []


def test_a_release_for_some_namespaces_has_rights_only_there(release: Release) -> None:
    objects = release.objects({**SHARED, "namespaces": ["shop", "billing"]})
    account = {"kind": "ServiceAccount", "name": f"{NAME}-operator", "namespace": NAME}
    bound = [
        raw["roleRef"]["name"]
        for raw in of_kind(objects, "ClusterRoleBinding")
        if account in raw["subjects"]
    ]
    roles = {raw["metadata"]["name"]: raw for raw in of_kind(objects, "ClusterRole")}
    rules = [rule for name in bound for rule in roles[name]["rules"]]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert {resource for rule in rules for resource in rule["resources"]} == {
        "clustertemplates",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
    }
    assert f"{NAME}-operator" not in roles
    served = by_key(objects)
    for namespace in ("shop", "billing"):
        binding = served["RoleBinding", namespace, f"{NAME}-operator-served"]
        assert binding["subjects"] == [account]
        assert binding["roleRef"]["kind"] == "Role"
        role = served["Role", namespace, binding["roleRef"]["name"]]
        whole = the_role(release.objects(SHARED), f"{NAME}-operator")
        assert role["rules"] == whole["rules"]
    arguments = container(objects)["args"]
    assert [argument for argument in arguments if argument.startswith("--namespace")] == [
        "--namespace=billing",
        "--namespace=shop",
    ]


def the_role(objects: list[Object], name: str) -> Object:
    """The ClusterRole of a name."""
    (found,) = (raw for raw in of_kind(objects, "ClusterRole") if raw["metadata"]["name"] == name)
    return found


def container(objects: list[Object]) -> Object:
    """The operator's."""
    found: Object = the(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    return found


def test_policies_and_webhook_of_some_namespaces_select_these_and_fail_closed(
    release: Release,
) -> None:
    values = {"namespaces": ["shop", "billing"], "webhook": {"enabled": True}}
    objects = release.objects({**SHARED, **values})
    for binding in of_kind(objects, "ValidatingAdmissionPolicyBinding"):
        assert binding["spec"]["matchResources"] == {"namespaceSelector": SELECTED}
        assert binding["spec"]["validationActions"] == ["Deny"]
    for policy in of_kind(objects, "ValidatingAdmissionPolicy"):
        assert policy["spec"]["failurePolicy"] == "Fail"
    for webhook in the(objects, "ValidatingWebhookConfiguration")["webhooks"]:
        assert webhook["namespaceSelector"] == SELECTED


def test_two_releases_share_no_object(release: Release) -> None:
    left = Release(release.helm, "left", "teams")
    right = Release(release.helm, "right", "teams")
    values = {"webhook": {"enabled": True}, "metrics": {"dashboard": {"enabled": True}}}
    first = release.objects({**values, "namespaces": ["shop"]}, KNOWN)
    second = left.objects({**SHARED, **values, "namespaces": ["billing"]}, KNOWN)
    third = right.objects({**SHARED, **values, "namespaces": ["ledger"]}, KNOWN)
    every = [key(raw) for objects in (first, second, third) for raw in objects]
    assert sorted({at for at in every if every.count(at) > 1}) == []


def test_a_release_of_another_name_names_its_policies_and_its_account(release: Release) -> None:
    other = Release(release.helm, "left", "teams")
    objects = other.objects({**SHARED, "namespaces": ["shop"]})
    policies = of_kind(objects, "ValidatingAdmissionPolicy")
    names = sorted(raw["metadata"]["name"] for raw in policies)
    assert names == [f"left-{NAME}-people", f"left-{NAME}-status"]
    bindings = of_kind(objects, "ValidatingAdmissionPolicyBinding")
    assert sorted(raw["spec"]["policyName"] for raw in bindings) == names
    (status,) = (raw for raw in policies if raw["metadata"]["name"].endswith("-status"))
    account = f"system:serviceaccount:teams:left-{NAME}-operator"
    assert account in status["spec"]["validations"][0]["expression"]
    assert f"--installation=left-{NAME}" in container(objects)["args"]
    reader = the_role(objects, f"left-{NAME}-operator-cluster")
    assert sorted(reader["rules"][-1]["resourceNames"]) == names


def test_all_pods_pass_the_restricted_level(release: Release) -> None:
    objects = release.objects()
    pods = [the(objects, "Deployment")["spec"]["template"]["spec"]]
    pods += [raw["spec"] for raw in objects if raw["kind"] == "Pod"]
    assert len(pods) == 2
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for each in pod["containers"]:
            security = each["securityContext"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["allowPrivilegeEscalation"] is False
            assert security["readOnlyRootFilesystem"] is True


def test_two_replicas_elect_a_leader_and_survive_a_drain(release: Release) -> None:
    objects = release.objects()
    assert the(objects, "Deployment")["spec"]["replicas"] == 2
    assert f"--lease={NAME}/{NAME}-operator" in container(objects)["args"]
    assert the(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    alone = release.objects({"operator": {"replicas": 1}})
    assert not of_kind(alone, "PodDisruptionBudget")


def test_selectors_match_the_operators_pods_and_no_other(release: Release) -> None:
    objects = release.objects({**ALL_OPTIONS, **SHARED})
    pod = the(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [raw["spec"]["selector"] for raw in of_kind(objects, "Service")]
    selectors += [
        the(objects, "Deployment")["spec"]["selector"]["matchLabels"],
        the(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        the(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    (tested,) = (raw["metadata"]["labels"] for raw in objects if raw["kind"] == "Pod")
    assert len(selectors) == 5
    for selector in selectors:
        assert selector.items() <= pod.items()
        assert not selector.items() <= tested.items()
    monitor = the(objects, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    monitored = [
        raw["metadata"]["name"]
        for raw in of_kind(objects, "Service")
        if monitor.items() <= raw["metadata"]["labels"].items()
    ]
    assert monitored == [f"{NAME}-metrics"]


def test_metrics_are_open_to_those_named_only(release: Release) -> None:
    peers = [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]
    rules = the(release.objects({"metrics": {"allowedFrom": peers}}), "NetworkPolicy")["spec"]
    assert rules["ingress"] == [{"ports": [{"port": "health", "protocol": "TCP"}], "from": peers}]
    closed = the(release.objects({"metrics": {"allowedFrom": []}}), "NetworkPolicy")["spec"]
    assert closed["policyTypes"] == ["Ingress"]
    assert "ingress" not in closed


def test_the_charts_certificate_is_signed_by_the_authority_that_the_api_server_is_given(
    release: Release,
) -> None:
    objects = release.objects({"webhook": {"enabled": True}})
    data = the(objects, "Secret")["data"]
    configuration = the(objects, "ValidatingWebhookConfiguration")
    assert {each["clientConfig"]["caBundle"] for each in configuration["webhooks"]} == {
        data["ca.crt"]
    }
    authority, served = (
        x509.load_pem_x509_certificate(base64.b64decode(data[name]))
        for name in ("ca.crt", "tls.crt")
    )
    signer = authority.public_key()
    assert isinstance(signer, rsa.RSAPublicKey)
    assert served.signature_hash_algorithm is not None
    signer.verify(
        served.signature,
        served.tbs_certificate_bytes,
        padding.PKCS1v15(),
        served.signature_hash_algorithm,
    )
    names = served.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    service = configuration["webhooks"][0]["clientConfig"]["service"]
    host = f"{service['name']}.{service['namespace']}.svc"
    assert names.get_values_for_type(x509.DNSName) == [host]
    annotations = the(objects, "Secret")["metadata"]["annotations"]
    stated = int(annotations["automation.itechsmart.dev/certificate-expires"])
    assert abs(stated - served.not_valid_after_utc.timestamp()) < 3600
    assert served.not_valid_after_utc > datetime.datetime.now(datetime.UTC)


def test_with_cert_manager_the_chart_holds_no_key(release: Release) -> None:
    objects = release.objects(MATRIX["webhook by cert-manager"])
    assert not of_kind(objects, "Secret")
    certificate, issuer = the(objects, "Certificate"), the(objects, "Issuer")
    assert certificate["spec"]["issuerRef"] == {
        "kind": "Issuer",
        "name": issuer["metadata"]["name"],
    }
    configuration = the(objects, "ValidatingWebhookConfiguration")
    injected = f"{NAME}/{certificate['metadata']['name']}"
    assert configuration["metadata"]["annotations"] == {"cert-manager.io/inject-ca-from": injected}
    named = release.objects(MATRIX["webhook by an issuer"])
    assert not of_kind(named, "Issuer")
    assert the(named, "Certificate")["spec"]["issuerRef"]["name"] == "internal"


def test_with_a_secret_the_operator_mounts_it_and_the_api_server_is_given_its_authority(
    release: Release,
) -> None:
    objects = release.objects(MATRIX["webhook by a Secret"])
    assert not of_kind(objects, "Secret")
    (volume,) = the(objects, "Deployment")["spec"]["template"]["spec"]["volumes"]
    assert volume["secret"]["secretName"] == "mine"
    configuration = the(objects, "ValidatingWebhookConfiguration")
    for webhook in configuration["webhooks"]:
        assert base64.b64decode(webhook["clientConfig"]["caBundle"]) == b"PEM"


def test_roles_of_people_and_of_actions_are_optional(release: Release) -> None:
    def roles(**rbac: bool) -> set[str]:
        objects = release.objects({"rbac": rbac})
        return {raw["metadata"]["name"] for raw in of_kind(objects, "ClusterRole")}

    people = {
        f"{NAME}-{name}"
        for name in (
            "view", "edit", "run", "oncall", "control", "approve", "signal", "rerun", "catalogue",
        )
    }  # fmt: skip
    assert people <= roles()
    assert not people & roles(userRoles=False)
    assert {name for name in roles() if name.startswith("automation-runner")}
    assert not {name for name in roles(runnerRoles=False) if name.startswith("automation-runner")}
    assert roles() - roles(catalogueReaders=False) == {f"{NAME}-catalogue"}
    for raw in of_kind(release.objects({"rbac": {"aggregate": False}}), "ClusterRole"):
        assert not any("aggregate-to" in label for label in raw["metadata"]["labels"])


def test_monitoring_objects_are_made_on_request(release: Release) -> None:
    kinds = {"ServiceMonitor", "PrometheusRule", "ConfigMap"}
    assert not kinds & {raw["kind"] for raw in release.objects()}
    objects = release.objects({**ALL_OPTIONS, "extraObjects": []})
    for kind in ("ServiceMonitor", "PrometheusRule"):
        assert the(objects, kind)["metadata"]["labels"]["release"] == "prometheus"
    board = the(objects, "ConfigMap")["metadata"]
    assert board["labels"]["grafana_dashboard"] == "1"
    assert board["annotations"] == {"grafana_folder": "Automation"}


def test_extra_objects_are_templates(release: Release) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "{{ .Release.Name }}-more"},
    }
    objects = release.objects({"extraObjects": [config, yaml.safe_dump({**config, "data": {}})]})
    found = [raw for raw in objects if raw["kind"] == "ConfigMap"]
    assert [raw["metadata"]["name"] for raw in found] == [f"{NAME}-more"] * 2


def test_the_test_runs_a_workflow_where_the_operator_serves(release: Release) -> None:
    def tested(values: dict[str, Any]) -> set[Key]:
        hooks = [raw for raw in release.objects(values) if is_hook(raw)]
        assert all(
            raw["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
            == "before-hook-creation,hook-succeeded"
            for raw in hooks
        )
        return {key(raw) for raw in hooks if raw["kind"].startswith("Workflow")}

    name = f"{NAME}-test"
    assert tested(SHARED) == {("Workflow", NAME, name), ("WorkflowExecution", NAME, name)}
    served = {**SHARED, "namespaces": ["shop"]}
    assert tested(served) == {("Workflow", "shop", name), ("WorkflowExecution", "shop", name)}


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown value": ({"replicaCount": 2}, "", "replicaCount"),
    "an unknown field": ({"operator": {"replica": 2}}, "operator", "replica"),
    "a wrong type": ({"operator": {"replicas": "two"}}, "operator.replicas", "integer"),
    "a wrong level": ({"operator": {"logLevel": "trace"}}, "operator.logLevel", "debug"),
    "a digest without its algorithm": (
        {"image": {"digest": "0123"}}, "image.digest", "sha256"
    ),
    "one namespace as text": ({"namespaces": "shop"}, "namespaces", "array"),
    "a namespace twice": ({"namespaces": ["shop", "shop"]}, "namespaces", "1"),
    "a pattern of namespaces": ({"namespaces": ["team-*"]}, "namespaces.0", "match pattern"),
    "an unknown source of certificates": (
        {"webhook": {"certificate": {"source": "vault"}}}, "webhook.certificate.source", "secret"
    ),
    "a pull secret as text": (
        {"image": {"pullSecrets": ["registry"]}}, "image.pullSecrets.0", "object"
    ),
    "a label that is a number": (
        {"operator": {"podLabels": {"a": 1}}}, "operator.podLabels.a", "string"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_value_is_refused_with_its_path(release: Release, case: str) -> None:
    values, path, word = REFUSED[case]
    done = release.attempt(values)
    assert done.returncode != 0
    assert path in done.stderr.replace("/", ".")
    assert word in done.stderr


def test_a_certificate_of_ones_own_needs_its_authority(release: Release) -> None:
    values = {"webhook": {"enabled": True, "certificate": {"source": "secret"}}}
    done = release.attempt(values)
    assert done.returncode != 0
    assert "webhook.certificate.caBundle: write the authority" in done.stderr


def receiver_of(objects: list[Object]) -> Object:
    """The container of the receiver."""
    (deployment,) = [
        raw
        for raw in of_kind(objects, "Deployment")
        if raw["metadata"]["name"].endswith("-receiver")
    ]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    found: Object = container
    return found


def test_the_receiver_gets_the_files_that_its_arguments_name(release: Release) -> None:
    container = receiver_of(release.objects({"receiver": RECEIVER}))
    options = [argument.partition("=")[::2] for argument in container["args"]]
    files = [value for _, value in options if value.startswith("/run/")]
    folders = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {path.rpartition("/")[0] for path in files} <= folders
    assert ("--volume", "inbox=/run/volumes/inbox:shop") in options
    assert "/run/volumes/inbox" in folders


def test_the_receiver_reads_secrets_only_where_the_values_say(release: Release) -> None:
    receiver = {"enabled": True}
    for values, wanted in (
        ({"receiver": receiver}, []),
        ({"receiver": {**receiver, "secretNamespaces": ["shop"]}}, ["shop"]),
    ):
        objects = release.objects({**SHARED, **values})
        reading = [
            raw["metadata"].get("namespace")
            for raw in objects
            if raw["kind"] in ("Role", "ClusterRole")
            and any("secrets" in rule.get("resources", ()) for rule in raw["rules"])
        ]
        assert reading == wanted


def test_the_receiver_impersonates_exactly_the_people_of_the_values(release: Release) -> None:
    objects = release.objects({**SHARED, "receiver": RECEIVER})
    rules = [
        rule
        for raw in of_kind(objects, "ClusterRole")
        for rule in raw["rules"]
        if "impersonate" in rule["verbs"]
    ]
    named = {rule["resources"][0]: rule["resourceNames"] for rule in rules}
    assert named == {"users": ["ana", "bob"], "groups": ["sre"]}
    (people,) = of_kind(objects, "ConfigMap")
    assert yaml.safe_load(people["data"]["people.yaml"]) == PEOPLE
    plain = release.objects({**SHARED, "receiver": {"enabled": True}})
    verbs = {
        verb
        for raw in of_kind(plain, "ClusterRole")
        for rule in raw["rules"]
        for verb in rule["verbs"]
    }
    assert "impersonate" not in verbs


def test_clicks_in_slack_reach_the_receiver_only_if_they_are_taken(release: Release) -> None:
    ingress = {"enabled": True, "ingress": {"enabled": True, "host": "hooks.example.com"}}
    for slack, wanted in (
        ({}, ["/triggers/"]),
        ({"slack": RECEIVER["slack"]}, ["/triggers/", "/slack/"]),
    ):
        found = the(release.objects({**SHARED, "receiver": {**ingress, **slack}}), "Ingress")
        paths = [each["path"] for each in found["spec"]["rules"][0]["http"]["paths"]]
        assert paths == wanted


@pytest.mark.parametrize(
    ("receiver", "said"),
    [
        ({"ingress": {"enabled": True}}, "receiver.ingress.host"),
        ({"slack": {"enabled": True, "people": PEOPLE}}, "receiver.slack.signingSecret.name"),
        ({"slack": {"people": {"U1": {"user": "system:admin"}}}}, "people"),
        ({"slack": {"people": {"U1": {"groups": ["sre"]}}}}, "user"),
        ({"volumes": [{"name": "inbox", "namespaces": []}]}, "volumes"),
        ({"replica": 3}, "replica"),
    ],
)
def test_wrong_values_of_the_receiver_are_refused_by_name(
    release: Release, receiver: dict[str, Any], said: str
) -> None:
    done = release.attempt({"receiver": {"enabled": True, **receiver}})
    assert done.returncode != 0
    assert said in done.stderr
