"""Rows of actions on databases, storage, hosts and HTTP."""

from __future__ import annotations

from tests.action_faults.row import Case, Parameters, Row, at, fixed
from tests.action_faults.servers import Servers
from tests.objectstore import ACCESS_KEY, SECRET_KEY
from tests.planted import planted
from tests.postgresql import PASSWORD


def _sql(servers: Servers, case: Case) -> Parameters:
    def make() -> str:
        servers.postgresql.sql("CREATE DATABASE faults")
        servers.postgresql.sql(
            "CREATE TABLE orders (id serial, note text)",
            "INSERT INTO orders (note) SELECT 'x' FROM generate_series(1, 20)",
            "CREATE TABLE keys (key text PRIMARY KEY)",
            database="faults",
        )
        return "faults"

    database = servers.once("database", make)
    own = {"port": case.port, "timeout": case.timeout}
    return {**servers.postgresql.parameters(database), **own}


def _orders(servers: Servers, case: Case) -> int:
    notes = servers.postgresql.sql("SELECT note FROM orders", database="faults")
    return notes.split().count(case.name)


def _dump(servers: Servers, case: Case) -> Parameters:
    return {**_sql(servers, case), "timeout": 3 if case.slow else 30, "file": "shop.dump"}


def _restore(servers: Servers, case: Case) -> Parameters:
    case.workspace.mkdir(parents=True, exist_ok=True)
    given = _dump(servers, case)
    for path in servers.dump.iterdir():
        (case.workspace / path.name).write_bytes(path.read_bytes())
    return {**given, "database": "postgres"}


def _ssh(servers: Servers, case: Case) -> Parameters:
    known = servers.ssh.known_hosts.replace(f":{servers.ssh.port}", f":{case.port}")
    own = {"port": case.port, "knownHosts": known, "connectTimeout": "2s" if case.slow else "10s"}
    return {**servers.ssh.parameters(), **own, "timeout": "3s" if case.slow else "30s"}


def _s3(servers: Servers, case: Case, key: str = "") -> Parameters:
    return {
        "endpoint": f"https://{case.host}:{case.port}",
        "caCertificate": servers.storage.certificate.authority.read_text(),
        "bucket": "reports",
        "key": key or f"{case.name}/object",
        "timeout": case.timeout,
    }


def _put(servers: Servers, case: Case) -> Parameters:
    return {**_s3(servers, case), "text": case.name, "createOnly": True}


def _get(servers: Servers, case: Case) -> Parameters:
    servers.once("object", lambda: servers.storage.put("reports", "there", b"x" * 2000))
    return _s3(servers, case, "there")


def _objects(servers: Servers, case: Case) -> int:
    return servers.storage.keys("reports").count(f"{case.name}/object")


DATA = (
    Row(
        "http-request",
        lambda servers: ("127.0.0.1", servers.storage.port),
        lambda servers, case: {
            "url": f"https://{case.host}:{case.port}/reports/none",
            "caCertificate": servers.storage.certificate.authority.read_text(),
            "expectStatus": [403],
            "timeout": case.timeout,
        },
        fixed({"token": planted("http-request")}),
        variant="tls",
    ),
    Row(
        "http-request",
        lambda servers: at(servers.echo.url),
        lambda _servers, case: {
            "url": f"{case.url}/{case.name}",
            "method": "POST",
            "json": {"a": 1},
            "timeout": case.timeout,
        },
        fixed({"token": planted("http-request")}),
    ),
    Row(
        "sql-query",
        lambda servers: ("127.0.0.1", servers.postgresql.port),
        lambda servers, case: {**_sql(servers, case), "query": "SELECT note FROM orders LIMIT 20"},
        fixed({"password": PASSWORD}),
    ),
    Row(
        "sql-execute",
        lambda servers: ("127.0.0.1", servers.postgresql.port),
        lambda servers, case: {
            **_sql(servers, case),
            "keyTable": "keys",
            "statements": [{"sql": "INSERT INTO orders (note) VALUES ($1)", "args": [case.name]}],
        },
        fixed({"password": PASSWORD}),
        _orders,
    ),
    Row(
        "database-backup",
        lambda servers: ("127.0.0.1", servers.postgresql.port),
        _dump,
        fixed({"password": PASSWORD}),
        turn=6,
    ),
    Row(
        "restore-verify",
        lambda servers: ("127.0.0.1", servers.postgresql.port),
        _restore,
        fixed({"password": PASSWORD}),
        turn=6,
    ),
    Row(
        "s3-put",
        lambda servers: ("127.0.0.1", servers.storage.port),
        _put,
        fixed({"accessKeyId": ACCESS_KEY, "secretAccessKey": SECRET_KEY}),
        _objects,
    ),
    Row(
        "s3-get",
        lambda servers: ("127.0.0.1", servers.storage.port),
        _get,
        fixed({"accessKeyId": ACCESS_KEY, "secretAccessKey": SECRET_KEY}),
    ),
    Row(
        "ssh-command",
        lambda servers: ("127.0.0.1", servers.ssh.port),
        lambda servers, case: {**_ssh(servers, case), "command": "echo done"},
        lambda servers, _case: {"privateKey": servers.ssh.key},
        turn=5,
    ),
    Row(
        "restart-service",
        lambda servers: ("127.0.0.1", servers.ssh.port),
        lambda servers, case: {
            **_ssh(servers, case),
            "unit": "web",
            "manager": "user",
            "stableFor": "1s",
        },
        lambda servers, _case: {"privateKey": servers.ssh.key},
        turn=5,
    ),
    Row(
        "certificate-expiry",
        lambda servers: servers.tls,
        lambda _servers, case: {
            "host": "127.0.0.1",
            "port": case.port,
            "minimumDays": 0,
            "timeout": 2 if case.slow else 30,
        },
        turn=1,
        environ=lambda servers, _case: {"SSL_CERT_FILE": str(servers.certificate.authority)},
    ),
)
