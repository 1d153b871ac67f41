"""The workflow template backup-and-recovery runs to its end with real pods, a real database and a
real store of objects, also where the restored copy differs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
import yaml

from dev.cluster.api import Cluster
from orchestrator.actions.manifest import handwritten
from tests.e2e.environment import Environment
from tests.images import write_image
from tests.kube import phases
from tests.objectstore import ACCESS_KEY, SECRET_KEY, ObjectStore
from tests.postgresql import ADMINISTRATOR, PASSWORD, PostgresqlServer

PROGRAMS = (
    "sh", "bash", "awk", "cat", "cp", "cut", "diff", "dirname", "grep", "head", "mkdir", "mktemp",
    "mv", "rm", "sed", "sha256sum", "sort", "stat", "tail", "timeout", "wc",
)  # fmt: skip
DIFFERS = 65
"""The exit code of a restored copy that differs: another attempt would find the same."""
OF_POSTGRESQL = ("psql", "pg_dump", "pg_restore")


@pytest.fixture(scope="module")
def database(
    node_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresqlServer]:
    """A server that pods reach, and its clients in the image of the actions."""
    server = PostgresqlServer(node_cluster.host)
    archive = tmp_path_factory.mktemp("image") / "postgresql.tar"
    image = yaml.safe_load(handwritten()["database-backup"])["spec"]["action"]["image"]
    write_image(archive, image, [*PROGRAMS, *(server.programs / each for each in OF_POSTGRESQL)])
    node_cluster.import_image(archive)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def store(node_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    server = ObjectStore(tmp_path_factory.mktemp("store"), host=node_cluster.host)
    server.start()
    server.make_bucket("backups")
    yield server
    server.stop()


def test_a_backup_is_stored_only_if_its_restored_copy_agrees(
    templates: Environment, database: PostgresqlServer, store: ObjectStore
) -> None:
    database.sql("CREATE DATABASE shop")
    database.sql(
        "CREATE TABLE orders (id int PRIMARY KEY, total numeric)",
        "INSERT INTO orders SELECT n, n / 3.0 FROM generate_series(1, 500) n",
        database="shop",
    )
    for name, data in {
        "backup-database": {"password": PASSWORD},
        "restore-database": {"password": PASSWORD},
        "backup-storage": {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY},
    }.items():
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
        templates.kubectl.apply({**secret, "stringData": data})
    authority = database.certificate.authority.read_text()
    templates.make(
        "backup-and-recovery", database="shop", host=database.host, port=database.port,
        user=ADMINISTRATOR, restoreHost=database.host, restorePort=database.port,
        restoreUser=ADMINISTRATOR, authority=authority, bucket="backups", endpoint=store.endpoint,
        storageAuthority=store.certificate.authority.read_text(), slackChannel="#ops",
        slackApi=templates.site.slack.api,
    )  # fmt: skip

    raw = templates.run("backup-and-recovery")
    assert raw["status"]["phase"] == "Succeeded", raw["status"]
    outputs = {name: node.get("outputs") for name, node in raw["status"]["nodes"].items()}
    assert (outputs["verify"]["tables"], outputs["verify"]["rows"]) == (1, 500)
    key = outputs["store"]["key"]
    assert store.keys("backups") == [key, f"{key}.tables"]
    dump = store.get("backups", key)
    assert hashlib.sha256(dump).hexdigest() == outputs["backup"]["sha256"]
    assert templates.site.slack.messages[-1].text == (
        f"Backup of shop: Succeeded, 500 rows restored, stored as {key}"
    )

    database.sql(
        # Not immutable, whatever it claims: each restore computes another value.
        "CREATE FUNCTION stamp() RETURNS text IMMUTABLE LANGUAGE sql"
        " AS 'SELECT clock_timestamp()::text'",
        "CREATE TABLE stamps (id int, at text GENERATED ALWAYS AS (stamp()) STORED)",
        "INSERT INTO stamps VALUES (1)",
        database="shop",
    )
    raw = templates.run("backup-and-recovery")
    assert raw["status"]["phase"] == "Failed"
    differ = "public.stamps differs from the backup; tables that differ: 1"
    nodes = raw["status"]["nodes"]
    assert (nodes["verify"]["message"], nodes["verify"]["exitCode"]) == (differ, DIFFERS)
    assert phases(raw)["store"] == "Skipped"
    assert templates.incident(raw)["summary"] == differ
    assert "shop has no new backup: incident " in raw["status"]["message"]
    assert store.keys("backups") == [key, f"{key}.tables"]
    assert templates.site.slack.messages[-1].text == "Backup of shop: Failed"
    assert (
        database.sql("SELECT datname FROM pg_database WHERE NOT datistemplate") == "postgres\nshop"
    )
