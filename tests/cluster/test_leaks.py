"""The scan of a cluster finds a planted secret in an object, also after its deletion, and not in a
Secret."""

from __future__ import annotations

import re
import uuid

import pytest

from dev.cluster.api import Cluster
from tests import leaks
from tests.kube import Kubectl, eventually
from tests.planted import MARKER

LEAK = f"{MARKER[::-1]}{uuid.uuid4().hex}"
"""In place of the marker: the scan at the end of the session must not find this one."""


def test_objects_that_were_there_are_scanned_secrets_are_not(
    api_cluster: Cluster, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaks, "PATTERN", re.compile(re.escape(LEAK.encode())))
    kubectl("create", "secret", "generic", "mine", f"--from-literal=a=/registry/pods/{LEAK}")
    assert leaks.of_cluster(api_cluster) == []
    kubectl("create", "configmap", "mine", f"--from-literal=a={LEAK}")
    kubectl("delete", "configmap", "mine")
    # etcd writes its log at once.
    found = eventually(lambda: leaks.of_cluster(api_cluster))
    assert f"/registry/configmaps/{kubectl.namespace}/mine" in found[0]
