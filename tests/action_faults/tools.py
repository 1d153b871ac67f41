"""Rows of actions on tools: code, builds, metrics and logs."""

from __future__ import annotations

from tests.action_faults.row import Case, Parameters, Row, at, count, fixed
from tests.action_faults.servers import Servers
from tests.gitserver import TOKEN
from tests.planted import planted
from tests.vendors import github, gitlab, grafana, jenkins


def _repository(servers: Servers, case: Case) -> Parameters:
    servers.git.create(f"{case.name}.git")
    return {
        "url": f"https://{case.host}:{case.port}/{case.name}.git",
        "caCertificate": servers.git.ca,
        "timeout": "4s" if case.slow else "30s",
    }


def _commit(servers: Servers, case: Case) -> Parameters:
    given = _repository(servers, case)
    source = case.workspace / "source"
    servers.git.git(servers.git.folder, "clone", "-q", f"{case.name}.git", str(source))
    servers.git.git(source, "remote", "set-url", "origin", given["url"])
    (source / "VERSION").write_text("1")
    return {**given, "message": case.name}


def _commits(servers: Servers, case: Case) -> int:
    log = servers.git.git(servers.git.folder / f"{case.name}.git", "log", "--format=%s", "main")
    return log.splitlines().count(case.name)


def build(_servers: Servers, case: Case) -> Parameters:
    return {
        "url": case.url, "job": "shop/main", "username": jenkins.USER, "keyParameter": "KEY",
        "timeout": case.timeout,
    }  # fmt: skip


def builds(servers: Servers, case: Case) -> int:
    return sum(case.name in build.given.get("KEY", "") for build in servers.jenkins.builds)


TOOLS = (
    Row(
        "github-dispatch",
        lambda servers: at(servers.github.url),
        lambda _servers, case: {
            "apiUrl": case.url,
            "repository": github.REPOSITORY,
            "workflow": "deploy.yaml",
            "keyInput": "key",
            "timeout": case.timeout,
        },
        fixed({"token": github.TOKEN}),
        lambda servers, case: count(servers.github.runs, case.name),
        turn=2,
    ),
    Row(
        "github-issue",
        lambda servers: at(servers.github.url),
        lambda _servers, case: {
            "apiUrl": case.url,
            "repository": github.REPOSITORY,
            "title": case.name,
            "timeout": case.timeout,
        },
        fixed({"token": github.TOKEN}),
        lambda servers, case: sum(each["title"] == case.name for each in servers.github.issues),
    ),
    Row(
        "github-status",
        lambda servers: at(servers.github.url),
        lambda _servers, case: {
            "apiUrl": case.url,
            "repository": github.REPOSITORY,
            "commit": github.COMMIT,
            "state": "success",
            "name": case.name,
            "timeout": case.timeout,
        },
        fixed({"token": github.TOKEN}),
    ),
    Row(
        "gitlab-pipeline",
        lambda servers: at(servers.gitlab.url),
        lambda _servers, case: {
            "url": case.url,
            "project": gitlab.PROJECT,
            "timeout": case.timeout,
        },
        fixed({"token": gitlab.TOKEN}),
        lambda servers, case: count(servers.gitlab.pipelines, case.name),
        turn=1,
    ),
    Row(
        "jenkins-build",
        lambda servers: at(servers.jenkins.url),
        build,
        fixed({"token": jenkins.TOKEN}),
        builds,
    ),
    Row(
        "run-tests",
        lambda servers: at(servers.jenkins.url),
        build,
        fixed({"token": jenkins.TOKEN}),
        builds,
    ),
    Row(
        "grafana-annotation",
        lambda servers: at(servers.grafana.url),
        lambda _servers, case: {"url": case.url, "text": case.name, "timeout": case.timeout},
        fixed({"token": grafana.TOKEN}),
        lambda servers, case: count(servers.grafana.annotations, case.name),
    ),
    Row(
        "loki-query",
        lambda servers: at(servers.loki.url),
        lambda _servers, case: {
            "url": case.url,
            "tenant": "shop",
            "query": '{app="shop"}',
            "timeout": case.timeout,
        },
        fixed({"token": planted("loki")}),
    ),
    Row(
        "promql-query",
        lambda servers: at(servers.prometheus.url),
        lambda _servers, case: {
            "url": case.url,
            "query": "vector(0.25)",
            "timeout": case.timeout,
        },
        fixed({"token": planted("prometheus")}),
    ),
    Row(
        "promql-graph",
        lambda servers: at(servers.prometheus.url),
        lambda _servers, case: {
            "url": case.url,
            "query": "vector(0.25)",
            "path": "graph.png",
            "timeout": case.timeout,
        },
        fixed({"token": planted("prometheus")}),
    ),
    Row(
        "silence",
        lambda servers: at(servers.alertmanager.url),
        lambda _servers, case: {
            "url": case.url,
            "matchers": [f"alertname={case.name}"],
            "timeout": case.timeout,
        },
        fixed({"token": planted("alertmanager")}),
        lambda servers, case: count(servers.alertmanager.get("silences"), case.name),
    ),
    Row(
        "unsilence",
        lambda servers: at(servers.alertmanager.url),
        lambda servers, case: {
            "url": case.url,
            "id": servers.alertmanager.silence(case.name),
            "timeout": case.timeout,
        },
        fixed({"token": planted("alertmanager")}),
    ),
    Row(
        "git-clone",
        lambda servers: at(servers.git.url),
        _repository,
        fixed({"token": TOKEN}),
        turn=3,
    ),
    Row(
        "git-commit-tag",
        lambda servers: at(servers.git.url),
        _commit,
        fixed({"token": TOKEN}),
        _commits,
    ),
)
