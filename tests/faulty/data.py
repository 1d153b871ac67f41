"""Rows of actions on databases, storage, hosts and HTTP."""

from __future__ import annotations

from tests.faulty.row import Case, Parameters, Row, at, fixed
from tests.faulty.world import World
from tests.objectstore import ACCESS_KEY, SECRET_KEY
from tests.planted import planted
from tests.postgresql import PASSWORD


def _sql(world: World, case: Case) -> Parameters:
    def make() -> str:
        world.postgresql.sql("CREATE DATABASE faults")
        world.postgresql.sql(
            "CREATE TABLE orders (id serial, note text)",
            "INSERT INTO orders (note) SELECT 'x' FROM generate_series(1, 20)",
            "CREATE TABLE keys (key text PRIMARY KEY)",
            database="faults",
        )
        return "faults"

    database = world.once("database", make)
    own = {"port": case.port, "timeout": case.timeout}
    return {**world.postgresql.parameters(database), **own}


def _orders(world: World, case: Case) -> int:
    notes = world.postgresql.sql("SELECT note FROM orders", database="faults")
    return notes.split().count(case.name)


def _dump(world: World, case: Case) -> Parameters:
    return {**_sql(world, case), "timeout": 3 if case.slow else 30, "file": "shop.dump"}


def _restore(world: World, case: Case) -> Parameters:
    case.workspace.mkdir(parents=True, exist_ok=True)
    given = _dump(world, case)
    for path in world.dump.iterdir():
        (case.workspace / path.name).write_bytes(path.read_bytes())
    return {**given, "database": "postgres"}


def _ssh(world: World, case: Case) -> Parameters:
    known = world.ssh.known_hosts.replace(f":{world.ssh.port}", f":{case.port}")
    own = {"port": case.port, "knownHosts": known, "connectTimeout": "2s" if case.slow else "10s"}
    return {**world.ssh.parameters(), **own, "timeout": "3s" if case.slow else "30s"}


def _s3(world: World, case: Case, key: str = "") -> Parameters:
    return {
        "endpoint": f"https://{case.host}:{case.port}",
        "caCertificate": world.storage.certificate.authority.read_text(),
        "bucket": "reports",
        "key": key or f"{case.name}/object",
        "timeout": case.timeout,
    }


def _put(world: World, case: Case) -> Parameters:
    return {**_s3(world, case), "text": case.name, "createOnly": True}


def _get(world: World, case: Case) -> Parameters:
    world.once("object", lambda: world.storage.put("reports", "there", b"x" * 2000))
    return _s3(world, case, "there")


def _objects(world: World, case: Case) -> int:
    return world.storage.keys("reports").count(f"{case.name}/object")


DATA = (
    Row(
        "http-request",
        lambda world: ("127.0.0.1", world.storage.port),
        lambda world, case: {
            "url": f"https://{case.host}:{case.port}/reports/none",
            "caCertificate": world.storage.certificate.authority.read_text(),
            "expectStatus": [403],
            "timeout": case.timeout,
        },
        fixed({"token": planted("http-request")}),
        variant="tls",
    ),
    Row(
        "http-request",
        lambda world: at(world.echo.url),
        lambda _world, case: {
            "url": f"{case.url}/{case.name}",
            "method": "POST",
            "json": {"a": 1},
            "timeout": case.timeout,
        },
        fixed({"token": planted("http-request")}),
    ),
    Row(
        "sql-query",
        lambda world: ("127.0.0.1", world.postgresql.port),
        lambda world, case: {**_sql(world, case), "query": "SELECT note FROM orders LIMIT 20"},
        fixed({"password": PASSWORD}),
    ),
    Row(
        "sql-execute",
        lambda world: ("127.0.0.1", world.postgresql.port),
        lambda world, case: {
            **_sql(world, case),
            "keyTable": "keys",
            "statements": [{"sql": "INSERT INTO orders (note) VALUES ($1)", "args": [case.name]}],
        },
        fixed({"password": PASSWORD}),
        _orders,
    ),
    Row(
        "database-backup",
        lambda world: ("127.0.0.1", world.postgresql.port),
        _dump,
        fixed({"password": PASSWORD}),
        turn=6,
    ),
    Row(
        "restore-verify",
        lambda world: ("127.0.0.1", world.postgresql.port),
        _restore,
        fixed({"password": PASSWORD}),
        turn=6,
    ),
    Row(
        "s3-put",
        lambda world: ("127.0.0.1", world.storage.port),
        _put,
        fixed({"accessKeyId": ACCESS_KEY, "secretAccessKey": SECRET_KEY}),
        _objects,
    ),
    Row(
        "s3-get",
        lambda world: ("127.0.0.1", world.storage.port),
        _get,
        fixed({"accessKeyId": ACCESS_KEY, "secretAccessKey": SECRET_KEY}),
    ),
    Row(
        "ssh-command",
        lambda world: ("127.0.0.1", world.ssh.port),
        lambda world, case: {**_ssh(world, case), "command": "echo done"},
        lambda world, _case: {"privateKey": world.ssh.key},
        turn=5,
    ),
    Row(
        "restart-service",
        lambda world: ("127.0.0.1", world.ssh.port),
        lambda world, case: {
            **_ssh(world, case),
            "unit": "web",
            "manager": "user",
            "stableFor": "1s",
        },
        lambda world, _case: {"privateKey": world.ssh.key},
        turn=5,
    ),
    Row(
        "certificate-expiry",
        lambda world: world.tls,
        lambda _world, case: {
            "host": "127.0.0.1",
            "port": case.port,
            "minimumDays": 0,
            "timeout": 2 if case.slow else 30,
        },
        turn=1,
        environ=lambda world, _case: {"SSL_CERT_FILE": str(world.certificate.authority)},
    ),
)
