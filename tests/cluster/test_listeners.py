"""Mailboxes, buckets and folders: each message, object or file is one execution.

Real servers: Dovecot, versitygw and the API server. Two replicas of the receiver share the
listeners; some tests kill one.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import fresh_namespace
from tests.kube import ROOT, Kubectl, eventually, manifest, workflow
from tests.mailserver import PASSWORD, MailServer
from tests.objectstore import ACCESS_KEY, SECRET_KEY, ObjectStore
from tests.receiver_process import ReceiverProcess
from tests.service_accounts import NAMESPACE, receiver_account

READ = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "sources"},
    "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
}
POLL = {"pollInterval": "5s"}
MESSAGES = int(os.environ.get("MESSAGES", "300"))
OBJECTS = int(os.environ.get("OBJECTS", "3000"))
"""Messages of a large mailbox and objects of a large bucket; the environment makes them larger."""
MAX_GROWTH = 96 * 1024
"""Kibibytes by which two replicas may grow, whatever the size of a mailbox or bucket."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that an ordinary user may enter too, as Dovecot runs as one."""
    path = Path(tempfile.mkdtemp(prefix="listeners-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def mail(folder: Path) -> Iterator[MailServer]:
    server = MailServer(folder / "mail")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[ObjectStore]:
    server = ObjectStore(folder / "s3")
    server.start()
    yield server
    server.stop()


@dataclass(frozen=True)
class Environment:
    """A namespace whose triggers two replicas of the receiver listen to."""

    kubectl: Kubectl
    first: ReceiverProcess
    second: ReceiverProcess
    volume: Path

    def trigger(self, name: str, **spec: Any) -> None:
        """Create a trigger, and wait until its source is read."""
        self.kubectl.apply(manifest("Trigger", name, {"workflow": "greet", **spec}))
        eventually(lambda: self.receiving(name)["status"] == "True")

    def receiving(self, name: str) -> Any:
        conditions = self.kubectl.get("awft", name).get("status", {}).get("conditions", [])
        found = [each for each in conditions if each["type"] == "Receiving"]
        assert found, "no condition Receiving yet"
        return found[0]

    def events(self, trigger: str) -> list[Any]:
        """The events of the executions that a trigger has started."""
        uid = self.kubectl.get("awft", trigger)["metadata"]["uid"]
        started = [raw["spec"]["trigger"] for raw in self.kubectl.get("awfx")["items"]]
        return [each["event"] for each in started if each["uid"] == uid]

    def memory(self) -> int:
        """The most memory that the replicas have had, in kibibytes."""
        statuses = [
            Path(f"/proc/{each.pid}/status").read_text() for each in (self.first, self.second)
        ]
        return sum(int(re.findall(r"VmHWM:\s+(\d+)", text)[0]) for text in statuses)

    def counts(self, trigger: str) -> Any:
        return self.kubectl.get("awft", trigger)["status"].get("counts", {})

    def holder(self, trigger: str) -> str:
        """The replica that holds the Lease of a trigger's listener."""
        uid = self.kubectl.get("awft", trigger)["metadata"]["uid"]
        lease = self.kubectl.within(NAMESPACE).get("lease", f"listener-{uid}")
        return str(lease["spec"].get("holderIdentity", ""))


@pytest.fixture(scope="module")
def shop(
    kubeconfig: Path, folder: Path, mail: MailServer, store: ObjectStore
) -> Iterator[Environment]:
    kubectl = fresh_namespace(Kubectl(kubeconfig))
    kubectl.apply(workflow("greet", nodes=[{"name": "a", "transform": {"x": "1"}}]), READ)
    account = f"--serviceaccount={NAMESPACE}:itechsmart-workflow-receiver"
    kubectl("create", "rolebinding", "sources", "--role=sources", account)
    secret(kubectl, "storage", accessKeyId=ACCESS_KEY, secretAccessKey=SECRET_KEY)
    for name, server in (("mail", mail), ("s3", store)):
        secret(kubectl, f"{name}-ca", crt=server.certificate.authority.read_text())
    volume = folder / "volume"
    (volume / "in").mkdir(parents=True)
    # Older than any trigger by more than the second to which its creation is known.
    (volume / "in" / "old").write_text("before")
    options = [
        "--address=127.0.0.1:0",
        f"--namespace={kubectl.namespace}",
        f"--lease-namespace={NAMESPACE}",
        f"--volume=shared={volume}:{kubectl.namespace}",
        "--volume=others=/:elsewhere",
    ]
    as_receiver = receiver_account(kubeconfig, folder)
    replicas = [
        ReceiverProcess(as_receiver, folder / f"log-{number}", *options) for number in (1, 2)
    ]
    for replica in replicas:
        replica.start()
    yield Environment(kubectl, replicas[0], replicas[1], volume)
    for replica in replicas:
        replica.stop()


@pytest.fixture
def env(shop: Environment) -> Iterator[Environment]:
    """The namespace; the triggers of a test are gone after it."""
    yield shop
    shop.kubectl("delete", "awft", "--all")


@pytest.fixture
def user(env: Environment, mail: MailServer) -> str:
    """A user with an empty mailbox, whose password is in a Secret of the same name."""
    name = f"user-{uuid.uuid4().hex[:8]}"
    mail.set_password(name, PASSWORD)
    secret(env.kubectl, name, username=name, password=PASSWORD)
    return name


def secret(kubectl: Kubectl, name: str, **values: str) -> None:
    """Create or replace a Secret."""
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}
    kubectl.apply(body)


def mailbox(mail: MailServer, user: str, **settings: Any) -> dict[str, Any]:
    """The settings of a trigger on a user's mailbox."""
    return {
        "host": "127.0.0.1",
        "port": mail.port,
        "ca": {"name": "mail-ca", "key": "crt"},
        "credentials": {"name": user},
        **settings,
    }


def bucket(store: ObjectStore, name: str, **settings: Any) -> dict[str, Any]:
    """The settings of a trigger on a bucket."""
    return {
        "endpoint": store.endpoint,
        "bucket": name,
        "ca": {"name": "s3-ca", "key": "crt"},
        "credentials": {"name": "storage"},
        **settings,
    }


def message(number: int, text: str = "hello") -> bytes:
    """A message with a Message-ID of its own."""
    built = EmailMessage()
    built["From"] = "Ana Müller <ana@example.com>"
    built["To"] = "alice@example.com"
    built["Subject"] = f"Message {number}: grüße"
    built["Message-ID"] = f"<{number}@example.com>"
    built.set_content(text)
    built.add_attachment(b"a,b\n", maintype="text", subtype="csv", filename="orders.csv")
    return bytes(built)


def ids(events: Sequence[Any]) -> list[str]:
    return sorted(event["messageId"] for event in events)


def test_a_message_is_one_execution_and_older_ones_are_none(
    env: Environment, mail: MailServer, user: str
) -> None:
    mail.deliver(message(1), user=user)
    env.trigger("inbox", email=mailbox(mail, user, markSeen=True))
    mail.deliver(message(2, "please restart the shop"), user=user)
    (event,) = eventually(lambda: env.events("inbox"))
    assert event["messageId"] == "<2@example.com>"
    assert event["from"] == {"name": "Ana Müller", "address": "ana@example.com"}
    assert event["subject"] == "Message 2: grüße"
    assert event["text"].strip() == "please restart the shop"
    assert [each["name"] for each in event["attachments"]] == ["orders.csv"]
    session = mail.login(user)
    session.select("INBOX")
    assert eventually(lambda: len(session.search(None, "SEEN")[1][0].split()) == 1)
    session.logout()


def test_messages_survive_kills_of_the_receiver_and_none_is_doubled(
    env: Environment, mail: MailServer, user: str
) -> None:
    env.trigger(
        "inbox", email=mailbox(mail, user, tls="StartTLS", port=mail.start_tls_port, **POLL)
    )
    for number in range(100, 120, 10):
        mail.append((message(each) for each in range(number, number + 10)), user)
        for replica in (env.first, env.second):
            replica.kill()
            replica.start()
    wanted = [f"<{number}@example.com>" for number in range(100, 120)]
    eventually(lambda: ids(env.events("inbox")) == wanted, within=120)


def test_another_replica_takes_over_and_a_new_one_gets_its_share(
    env: Environment, mail: MailServer, user: str
) -> None:
    env.trigger("inbox", email=mailbox(mail, user, **POLL))
    holder = eventually(lambda: env.holder("inbox"))
    replicas = [env.first, env.second]
    holding = next(each for each in replicas if holder in each.log.read_text())
    holding.kill()
    mail.deliver(message(200), user=user)
    assert eventually(lambda: ids(env.events("inbox")) == ["<200@example.com>"])
    assert eventually(lambda: env.holder("inbox") not in ("", holder))
    holding.start()


def test_a_server_that_dies_and_a_wrong_password_are_reported_and_nothing_is_lost(
    env: Environment, mail: MailServer, user: str
) -> None:
    env.trigger("inbox", email=mailbox(mail, user, **POLL))
    mail.stop()
    refused = eventually(lambda: _false(env.receiving("inbox")))
    assert refused["reason"] == "SourceUnreachable"
    assert "Connection refused" in refused["message"]
    mail.set_password(user, "another")
    mail.start()
    wrong = eventually(lambda: "refuses the login" in env.receiving("inbox")["message"])
    assert wrong
    mail.deliver(message(300), user=user)
    secret(env.kubectl, user, username=user, password="another")
    assert eventually(lambda: ids(env.events("inbox")) == ["<300@example.com>"], within=120)
    assert eventually(lambda: env.receiving("inbox")["status"] == "True")


def test_a_huge_message_and_a_malformed_one_hold_nothing_up(
    env: Environment, mail: MailServer, user: str
) -> None:
    env.trigger("inbox", email=mailbox(mail, user))
    huge = EmailMessage()
    huge["Message-ID"], huge["Subject"] = "<400@example.com>", "huge"
    huge.set_content("see the attachment")
    huge.add_attachment(os.urandom(30_000_000), "application", "octet-stream", filename="dump")
    malformed = (
        b"Subject: =?nonsense?b?!!?=\r\nFrom: <<>\xff\xfe\r\nMessage-ID: <401@example.com>\r\n"
        b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n\x00\xff"
    )
    mail.append([bytes(huge), malformed, message(402)], user)
    wanted = [f"<{number}@example.com>" for number in (400, 401, 402)]
    events = eventually(lambda: _all(env.events("inbox"), wanted))
    (big,) = [each for each in events if each["messageId"] == wanted[0]]
    assert big["size"] > 40_000_000
    assert big["text"].strip() == "see the attachment"


def test_after_new_uids_only_new_messages_are_events(
    env: Environment, mail: MailServer, user: str
) -> None:
    """The server numbers the mailbox anew, as after a restore: UIDVALIDITY changes."""
    mail.deliver(message(500), user=user)
    env.trigger("inbox", email=mailbox(mail, user, **POLL))
    mail.deliver(message(501), message(502), user=user)
    handled = [f"<{number}@example.com>" for number in (501, 502)]
    eventually(lambda: ids(env.events("inbox")) == handled)
    before = mail.validity(user)
    mail.renumber(user)
    mail.deliver(message(503), user=user)
    assert mail.validity(user) != before
    eventually(lambda: ids(env.events("inbox")) == [*handled, "<503@example.com>"], within=120)
    mail.deliver(message(504), user=user)
    wanted = [*handled, "<503@example.com>", "<504@example.com>"]
    eventually(lambda: ids(env.events("inbox")) == wanted, within=120)


def test_a_large_mailbox_takes_bounded_memory_and_its_old_messages_start_nothing(
    env: Environment, mail: MailServer, user: str
) -> None:
    mail.fill(MESSAGES, user)
    before = env.memory()
    env.trigger("inbox", email=mailbox(mail, user, **POLL))
    mail.deliver(message(600), user=user)
    eventually(lambda: ids(env.events("inbox")) == ["<600@example.com>"], within=120)
    # As many new ones, of which the filter lets none through.
    settings = {"email": mailbox(mail, user, **POLL), "filter": "event.text == 'never'"}
    env.kubectl("delete", "awft", "inbox")
    env.trigger("filtered", **settings)
    mail.append((message(number) for number in range(1_000, 1_000 + MESSAGES)), user)
    eventually(lambda: env.counts("filtered").get("filtered") == MESSAGES, within=60 + MESSAGES)
    assert env.events("filtered") == []
    assert env.memory() < before + MAX_GROWTH


def test_a_large_bucket_takes_bounded_memory_and_its_old_objects_start_nothing(
    env: Environment, store: ObjectStore
) -> None:
    store.make_bucket("large")
    store.fill("large", OBJECTS)
    before = env.memory()
    env.trigger("files", fileWatch={"s3": bucket(store, "large"), **POLL})
    for key in ("000/new.csv", "zzz/new.csv"):
        store.put("large", key, b"new")
    wanted = ["000/new.csv", "zzz/new.csv"]
    found = eventually(lambda: env.events("files"), within=60 + OBJECTS // 100)
    assert found
    eventually(lambda: sorted(e["key"] for e in env.events("files")) == wanted, within=600)
    assert env.memory() < before + MAX_GROWTH


def test_an_object_is_one_execution_and_so_is_each_change(
    env: Environment, store: ObjectStore
) -> None:
    store.make_bucket("orders")
    store.put("orders", "in/old.csv", b"before")
    env.trigger("files", fileWatch={"s3": bucket(store, "orders", prefix="in/"), **POLL})
    store.put("orders", "in/a.csv", b"one")
    store.put("orders", "elsewhere/b.csv", b"one")
    (event,) = eventually(lambda: env.events("files"))
    assert (event["bucket"], event["key"], event["size"]) == ("orders", "in/a.csv", 3)
    store.put("orders", "in/a.csv", b"two!")
    store.put("orders", "in/old.csv", b"changed")
    keys = [("in/a.csv", 3), ("in/a.csv", 4), ("in/old.csv", 7)]
    seen = eventually(lambda: _all(env.events("files"), keys, _key_and_size))
    assert len({each["etag"] for each in seen}) == 3


def test_objects_survive_kills_of_the_receiver_and_none_is_doubled(
    env: Environment, store: ObjectStore
) -> None:
    store.make_bucket("many")
    env.trigger("files", fileWatch={"s3": bucket(store, "many"), "pattern": "*.csv", **POLL})
    wanted = []
    for round_ in range(2):
        for number in range(10):
            key = f"{round_}/{number}.csv"
            store.put("many", key, key.encode())
            wanted.append(key)
        for replica in (env.first, env.second):
            replica.kill()
            replica.start()
    eventually(lambda: sorted(e["key"] for e in env.events("files")) == wanted, within=120)


def test_a_store_that_dies_and_a_bucket_that_is_missing_are_reported(
    env: Environment, store: ObjectStore
) -> None:
    settings = {"s3": bucket(store, "later"), **POLL}
    env.kubectl.apply(manifest("Trigger", "files", {"workflow": "greet", "fileWatch": settings}))
    assert eventually(lambda: "has no bucket later" in env.receiving("files")["message"])
    store.make_bucket("later")
    eventually(lambda: env.receiving("files")["status"] == "True")
    store.stop()
    assert eventually(lambda: "Connection refused" in env.receiving("files")["message"])
    store.start()
    store.put("later", "a", b"1")
    assert eventually(lambda: [each["key"] for each in env.events("files")] == ["a"])


def test_a_file_is_one_execution_once_it_is_written(env: Environment) -> None:
    (env.volume / "secret").write_text("outside of the folder")
    (env.volume / "in" / "link").symlink_to(env.volume / "secret")
    watch = {"volume": {"name": "shared", "path": "in"}, **POLL}
    env.trigger("files", fileWatch=watch)
    (env.volume / "in" / "report.txt").write_text("done")
    moved = env.volume / "elsewhere"
    moved.write_text("moved here, with an old date")
    os.utime(moved, (1_000_000_000, 1_000_000_000))
    moved.rename(env.volume / "in" / "moved.txt")
    keys = [("in/moved.txt", 28), ("in/report.txt", 4)]
    events = eventually(lambda: _all(env.events("files"), keys, _key_and_size))
    assert {each["volume"] for each in events} == {"shared"}


def test_a_volume_is_for_its_namespaces_only(env: Environment) -> None:
    for name in ("others", "nowhere"):
        watch = {"volume": {"name": name}}
        env.kubectl.apply(manifest("Trigger", name, {"workflow": "greet", "fileWatch": watch}))
        refused = eventually(lambda name=name: _false(env.receiving(name)))  # type: ignore[misc]
        assert refused["reason"] == "VolumeForbidden"


def test_the_examples_fire(
    env: Environment, mail: MailServer, user: str, store: ObjectStore
) -> None:
    store.make_bucket("orders-of-example")
    for name in ("email", "file-watch"):
        text = (ROOT / f"manifests/examples/trigger-{name}.yaml").read_text()
        for raw in yaml.safe_load_all(text):
            spec = raw["spec"]
            if "email" in spec:
                spec["email"] = {**spec["email"], **mailbox(mail, user)}
            if "fileWatch" in spec:
                own = bucket(store, "orders-of-example", region="us-east-1")
                spec["fileWatch"]["s3"] |= own
                spec["fileWatch"]["pollInterval"] = "5s"
            env.kubectl.apply(raw)
    for trigger in ("requests", "incoming-orders"):
        eventually(lambda trigger=trigger: env.receiving(trigger)["status"] == "True")  # type: ignore[misc]
    mail.deliver(message(500), b"Auto-Submitted: auto-replied\r\nSubject: away\r\n\r\n", user=user)
    store.put("orders-of-example", "incoming/today.csv", b"1")
    store.put("orders-of-example", "incoming/today.txt", b"1")
    assert eventually(lambda: ids(env.events("requests")) == ["<500@example.com>"])
    assert eventually(lambda: env.counts("requests").get("filtered") == 1)
    (order,) = eventually(lambda: env.events("incoming-orders"))
    assert order["key"] == "incoming/today.csv"


def _false(condition: Any) -> Any:
    return condition if condition["status"] == "False" else None


def _key_and_size(event: Any) -> tuple[str, int]:
    return event["key"], event["size"]


def _all(events: list[Any], wanted: list[Any], of: Any = lambda each: each["messageId"]) -> Any:
    """The events, once they are exactly those that are wanted."""
    found = sorted(of(each) for each in events)
    assert found == wanted, found
    return events
