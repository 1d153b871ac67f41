"""ansible-playbook, a Template of YAML alone, with a real Ansible and a real SSH server."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dev.ports import free_port
from tests.actions import ScriptRun
from tests.examples import example
from tests.sshserver import SshServer, make_key

PROVES = {"Ansible and an OpenSSH server": ["ansible-playbook"]}

PERMANENT, RETRY = 65, 1
INTERPRETER = {"ansible_python_interpreter": sys.executable}
VAULT_PASSWORD = "sealed-with-vault"
SEALED = """$ANSIBLE_VAULT;1.1;AES256
32623633643537393666633536663733613838343036626563323535616333386138663964366536
3031383633363661383063626130636630313631313436640a623931363766383263353562623065
37636438653464353534396234633734663636613931306564363439626461653363613231333639
6166613137353064610a346637646631313666303137346165393634636534643465666631363931
3132
"""
"""The variable `stage` with the value opened, encrypted with VAULT_PASSWORD."""
SETTINGS = """
[defaults]
host_key_checking = False
[ssh_connection]
pipelining = True
"""
CONFIGURE = """
- hosts: all
  gather_facts: false
  tasks:
  - name: configure
    shell:
      cmd: printf '%s' {{ (text ~ " " ~ password ~ " " ~ workflow_key) | quote }} > configuration
      chdir: "{{ folder }}"
      creates: configuration
    no_log: true
"""
STAGED = """
- hosts: web
  gather_facts: false
  vars_files: [sealed.yaml]
  tasks:
  - name: write
    copy: {dest: "{{ folder }}/staged", content: "{{ stage }}"}
    tags: [write]
  - name: read
    import_role: {name: shop.web.greet}
    tags: [read]
  - name: never
    fail: {}
"""
TRUSTING = """
all:
  hosts: {web: {ansible_host: "@HOST@", ansible_port: @PORT@, ansible_user: "@USER@"}}
  vars:
    ansible_host_key_checking: false
    ansible_ssh_args: -o StrictHostKeyChecking=no
    ansible_ssh_common_args: -o StrictHostKeyChecking=no
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    started = SshServer(tmp_path_factory.mktemp("ssh"))
    started.start()
    yield started
    started.stop()


@pytest.fixture
def ansible(server: SshServer, tmp_path: Path) -> ScriptRun:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shared = {"user": server.user, "knownHosts": server.known_hosts}
    secrets = {"privateKey": server.key}
    action = ScriptRun(
        tmp_path, path, secrets, {**shared, "hosts": [f"{server.host}:{server.port}"]}
    )
    write(action, "ansible.cfg", SETTINGS)
    write(action, "site.yaml", CONFIGURE)
    write(action, "ping.yaml", "- {hosts: all, gather_facts: false, tasks: [{raw: 'true'}]}")
    inventory = TRUSTING.replace("@HOST@", server.host).replace("@PORT@", str(server.port))
    write(action, "inventory.yaml", inventory.replace("@USER@", server.user))
    return action


def write(action: ScriptRun, path: str, text: str) -> None:
    """Put a file into the workspace."""
    target = action.folder / "workspace" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def test_a_second_run_of_a_playbook_changes_nothing(
    ansible: ScriptRun, server: SshServer, capfd: pytest.CaptureFixture[str]
) -> None:
    text = 'a "quoted" \\ ü {{ lookup("pipe", "id") }}'
    action = replace(
        ansible, secrets={**ansible.secrets, "secretVariables": '{"password": "s3cr3t {{ 1 }}"}'}
    )
    variables = {"folder": str(ansible.folder), "text": text, **INTERPRETER}
    ended = action("ansible-playbook", playbook="site.yaml", variables=variables)
    assert ended.code == 0, ended.message
    host = server.host
    expected = {"hosts": 1, "ok": 1, "changed": 1, "skipped": 0, "changedHosts": [host]}
    assert ended.outputs == expected
    written = (ansible.folder / "configuration").read_text()
    assert written == f"{text} s3cr3t {{{{ 1 }}}} u1/node/0"
    ended = action("ansible-playbook", playbook="site.yaml", variables=variables)
    assert ended.outputs == {**expected, "changed": 0, "changedHosts": []}
    logged = "".join(capfd.readouterr())
    assert "TASK [configure]" in logged
    assert "s3cr3t" not in logged
    assert not list(Path("/dev/shm").glob("ansible-*"))


def test_the_example_runs(ansible: ScriptRun) -> None:
    given = {**ansible.parameters, "key": None}
    (parameters,) = example("ansible-playbook", given, playbook="ping.yaml")
    ended = ansible("ansible-playbook", **parameters)
    assert (ended.code, ended.outputs.get("hosts")) == (0, 1), ended.message


def test_tags_vaults_and_collections_of_the_workspace_are_used(ansible: ScriptRun) -> None:
    write(ansible, "site.yaml", STAGED)
    write(ansible, "sealed.yaml", SEALED)
    write(ansible, "requirements.yaml", "collections: [{name: ./shop, type: dir}]")
    galaxy = "{namespace: shop, name: web, version: 1.0.0, readme: README.md, authors: [ana]}"
    write(ansible, "shop/galaxy.yml", galaxy)
    write(ansible, "shop/README.md", "")
    write(ansible, "shop/roles/greet/tasks/main.yaml", "- debug: {msg: 'hello from {{ stage }}'}")
    action = replace(ansible, secrets={**ansible.secrets, "vaultPassword": VAULT_PASSWORD})
    ended = action(
        "ansible-playbook", playbook="site.yaml", hosts=[], inventory="inventory.yaml",
        requirements="requirements.yaml", tags=["write", "read"], check=True, diff=True,
        limit="web", variables={"folder": str(ansible.folder), **INTERPRETER},
    )  # fmt: skip
    assert ended.code == 0, ended.message
    assert (ended.outputs["ok"], ended.outputs["changed"]) == (2, 1)
    assert ended.outputs["changedHosts"] == ["web"]
    assert not (ansible.folder / "staged").exists(), "check changes nothing"


def test_a_host_key_is_checked_whatever_the_inventory_says(
    ansible: ScriptRun, tmp_path: Path
) -> None:
    other = make_key(tmp_path / "other")
    ended = ansible(
        "ansible-playbook", playbook="ping.yaml", hosts=[], inventory="inventory.yaml",
        knownHosts=ansible.parameters["knownHosts"].rpartition("ssh-")[0] + other,
    )  # fmt: skip
    assert (ended.code, "Host key verification failed" in ended.message) == (PERMANENT, True)
    stranger = replace(ansible, secrets={"privateKey": (tmp_path / "other").read_text()})
    ended = stranger("ansible-playbook", playbook="ping.yaml")
    assert (ended.code, "Permission denied" in ended.message) == (PERMANENT, True), ended.message


def test_what_another_attempt_may_mend_is_retried(ansible: ScriptRun, server: SshServer) -> None:
    nowhere = [f"127.0.0.1:{free_port()}"]
    ended = ansible("ansible-playbook", playbook="ping.yaml", hosts=nowhere)
    assert ended.code == RETRY
    assert ended.message.startswith("1 of 1 hosts cannot be reached, among them 127.0.0.1: ")
    tasks = "tasks: [{name: break, raw: ls /nowhere}]"
    write(ansible, "site.yaml", f"- {{hosts: all, gather_facts: false, {tasks}}}")
    ended = ansible("ansible-playbook", playbook="site.yaml")
    assert ended.code == RETRY
    assert ended.message.startswith(f"task break failed on {server.host}: non-zero return code")
    ended = ansible("ansible-playbook", playbook="site.yaml", timeout=1)
    assert (ended.code, ended.message) == (RETRY, "ansible-playbook did not end within 1 s")


def test_what_another_attempt_cannot_mend_is_permanent(ansible: ScriptRun) -> None:
    write(ansible, "broken.yaml", "- hosts: all\n  tasks: [{nothing: {}}]\n")
    write(ansible, "elsewhere.yaml", "- {hosts: databases, tasks: []}")
    (ansible.folder / "workspace/link.yaml").symlink_to("/etc/hostname")
    wrong = replace(ansible, secrets={"secretVariables": '["a"]'})
    for ended, words in (
        (ansible("ansible-playbook", playbook="broken.yaml"), "couldn't resolve module/action"),
        (ansible("ansible-playbook", playbook="elsewhere.yaml"), "matches no host"),
        (ansible("ansible-playbook", playbook="missing.yaml"), "there is no missing.yaml in"),
        (ansible("ansible-playbook", playbook="link.yaml"), "playbook leads out of the workspace"),
        (ansible("ansible-playbook", playbook="site.yaml", hosts=[]), "set either hosts or"),
        (ansible("ansible-playbook", playbook="site.yaml", hosts=["-oX"]), "is not a name or an"),
        (wrong("ansible-playbook", playbook="site.yaml"), "secretVariables must be a JSON object"),
    ):
        assert (ended.code, words in ended.message) == (PERMANENT, True), ended.message
    ended = replace(ansible, workspace=False)("ansible-playbook", playbook="site.yaml")
    assert (ended.code, "spec.workspace" in ended.message) == (PERMANENT, True)
