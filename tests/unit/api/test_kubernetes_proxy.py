"""Which requests are passed on to the API server for the command line."""

from __future__ import annotations

import pytest
from starlette.datastructures import QueryParams

from orchestrator.api.kubernetes_proxy import is_allowed, is_streaming

OURS = "/apis/automation.itechsmart.dev/v1alpha1"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", OURS),
        ("GET", f"{OURS}/workflows"),
        ("GET", f"{OURS}/namespaces/shop/workflowexecutions"),
        ("POST", f"{OURS}/namespaces/shop/workflowexecutions"),
        ("PATCH", f"{OURS}/namespaces/shop/workflowexecutions/one.two-3"),
        ("DELETE", f"{OURS}/namespaces/shop/triggers/night"),
        ("GET", f"{OURS}/clustertemplates/http-request"),
        ("PUT", f"{OURS}/clustertemplates/http-request"),
        ("GET", "/api/v1/namespaces/shop/pods"),
        ("GET", "/api/v1/namespaces/shop/pods/one-0"),
        ("GET", "/api/v1/namespaces/shop/pods/one-0/log"),
        ("GET", "/apis/apps/v1/namespaces/shop/controllerrevisions/r-1"),
        ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews"),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
    ],
)
def test_what_commands_need_is_passed_on(method: str, path: str) -> None:
    assert is_allowed(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/namespaces/shop/secrets"),
        ("GET", "/api/v1/namespaces/shop/configmaps/c"),
        ("POST", "/api/v1/namespaces/shop/pods"),
        ("DELETE", "/api/v1/namespaces/shop/pods/one-0"),
        ("GET", "/api/v1/namespaces/shop/pods/one-0/exec"),
        ("POST", "/api/v1/namespaces/shop/pods/one-0/portforward"),
        ("POST", "/api/v1/namespaces/shop/serviceaccounts/default/token"),
        ("GET", "/api/v1/namespaces/shop/pods/../secrets"),
        ("GET", "/api/v1/namespaces/shop/pods/%2e%2e/secrets"),
        ("GET", "/api/v1/namespaces/../../apis/pods"),
        ("GET", "/api/v1/namespaces/shop/pods/one/log/../exec"),
        ("GET", "/apis/apps/v1/controllerrevisionsx"),
        ("PATCH", f"{OURS}/namespaces/shop/workflowexecutions/one/status"),
        ("DELETE", f"{OURS}/namespaces/shop/workflowexecutions"),
        ("POST", f"{OURS}/namespaces/shop/workflowexecutions/one"),
        ("PATCH", "/apis/apps/v1/namespaces/shop/controllerrevisions/r-1"),
        ("GET", "/apis/automationxitechsmart.dev/v1alpha1/workflows"),
        ("GET", "/apis/authentication.k8s.io/v1/selfsubjectreviews"),
        ("POST", "/apis/authentication.k8s.io/v1/tokenreviews"),
        ("GET", f"{OURS}/workflows\n"),
        ("GET", ""),
    ],
)
def test_everything_else_is_refused_whatever_the_rights_are(method: str, path: str) -> None:
    assert not is_allowed(method, path)


@pytest.mark.parametrize(
    "query", ["watch=true", "watch=1", "watch=0", "watch", "follow=True", "watch=false&watch=t"]
)
def test_what_the_api_server_takes_for_a_watch_counts_as_a_stream(query: str) -> None:
    assert is_streaming(QueryParams(query))


@pytest.mark.parametrize("query", ["", "watch=false", "follow=FALSE", "limit=1"])
def test_other_requests_count_as_requests(query: str) -> None:
    assert not is_streaming(QueryParams(query))
