"""Rows of actions on tools: code, builds, metrics and logs."""

from __future__ import annotations

from tests.faulty.row import Case, Parameters, Row, at, count, fixed
from tests.faulty.world import World
from tests.gitserver import TOKEN
from tests.planted import planted
from tests.vendors import github, gitlab, grafana, jenkins


def _repository(world: World, case: Case) -> Parameters:
    world.git.create(f"{case.name}.git")
    return {
        "url": f"https://{case.host}:{case.port}/{case.name}.git",
        "caCertificate": world.git.ca,
        "timeout": "4s" if case.slow else "30s",
    }


def _commit(world: World, case: Case) -> Parameters:
    given = _repository(world, case)
    source = case.workspace / "source"
    world.git.git(world.git.folder, "clone", "-q", f"{case.name}.git", str(source))
    world.git.git(source, "remote", "set-url", "origin", given["url"])
    (source / "VERSION").write_text("1")
    return {**given, "message": case.name}


def _commits(world: World, case: Case) -> int:
    log = world.git.git(world.git.folder / f"{case.name}.git", "log", "--format=%s", "main")
    return log.splitlines().count(case.name)


def build(_world: World, case: Case) -> Parameters:
    return {
        "url": case.url, "job": "shop/main", "username": jenkins.USER, "keyParameter": "KEY",
        "timeout": case.timeout,
    }  # fmt: skip


def builds(world: World, case: Case) -> int:
    return sum(case.name in build.given.get("KEY", "") for build in world.jenkins.builds)


TOOLS = (
    Row(
        "github-dispatch",
        lambda world: at(world.github.url),
        lambda _world, case: {
            "apiUrl": case.url,
            "repository": github.REPOSITORY,
            "workflow": "deploy.yaml",
            "keyInput": "key",
            "timeout": case.timeout,
        },
        fixed({"token": github.TOKEN}),
        lambda world, case: count(world.github.runs, case.name),
        turn=2,
    ),
    Row(
        "github-issue",
        lambda world: at(world.github.url),
        lambda _world, case: {
            "apiUrl": case.url,
            "repository": github.REPOSITORY,
            "title": case.name,
            "timeout": case.timeout,
        },
        fixed({"token": github.TOKEN}),
        lambda world, case: sum(each["title"] == case.name for each in world.github.issues),
    ),
    Row(
        "github-status",
        lambda world: at(world.github.url),
        lambda _world, case: {
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
        lambda world: at(world.gitlab.url),
        lambda _world, case: {
            "url": case.url,
            "project": gitlab.PROJECT,
            "timeout": case.timeout,
        },
        fixed({"token": gitlab.TOKEN}),
        lambda world, case: count(world.gitlab.pipelines, case.name),
        turn=1,
    ),
    Row(
        "jenkins-build",
        lambda world: at(world.jenkins.url),
        build,
        fixed({"token": jenkins.TOKEN}),
        builds,
    ),
    Row(
        "run-tests",
        lambda world: at(world.jenkins.url),
        build,
        fixed({"token": jenkins.TOKEN}),
        builds,
    ),
    Row(
        "grafana-annotation",
        lambda world: at(world.grafana.url),
        lambda _world, case: {"url": case.url, "text": case.name, "timeout": case.timeout},
        fixed({"token": grafana.TOKEN}),
        lambda world, case: count(world.grafana.annotations, case.name),
    ),
    Row(
        "loki-query",
        lambda world: at(world.loki.url),
        lambda _world, case: {
            "url": case.url,
            "tenant": "shop",
            "query": '{app="shop"}',
            "timeout": case.timeout,
        },
        fixed({"token": planted("loki")}),
    ),
    Row(
        "promql-query",
        lambda world: at(world.prometheus.url),
        lambda _world, case: {
            "url": case.url,
            "query": "vector(0.25)",
            "timeout": case.timeout,
        },
        fixed({"token": planted("prometheus")}),
    ),
    Row(
        "promql-graph",
        lambda world: at(world.prometheus.url),
        lambda _world, case: {
            "url": case.url,
            "query": "vector(0.25)",
            "path": "graph.png",
            "timeout": case.timeout,
        },
        fixed({"token": planted("prometheus")}),
    ),
    Row(
        "silence",
        lambda world: at(world.alertmanager.url),
        lambda _world, case: {
            "url": case.url,
            "matchers": [f"alertname={case.name}"],
            "timeout": case.timeout,
        },
        fixed({"token": planted("alertmanager")}),
        lambda world, case: count(world.alertmanager.get("silences"), case.name),
    ),
    Row(
        "unsilence",
        lambda world: at(world.alertmanager.url),
        lambda world, case: {
            "url": case.url,
            "id": world.alertmanager.silence(case.name),
            "timeout": case.timeout,
        },
        fixed({"token": planted("alertmanager")}),
    ),
    Row(
        "git-clone",
        lambda world: at(world.git.url),
        _repository,
        fixed({"token": TOKEN}),
        turn=3,
    ),
    Row(
        "git-commit-tag",
        lambda world: at(world.git.url),
        _commit,
        fixed({"token": TOKEN}),
        _commits,
    ),
)
