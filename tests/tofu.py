"""A stub of the program `tofu`, as strict as its documented interface, run as a program.

It knows the commands, options, exit codes, files and JSON forms that the actions rely on, a backend
`http` or none, and configurations in JSON of `terraform_data`, whose values are literals or one
reference. It refuses everything else. The tests that use it also run with a real OpenTofu.

https://opentofu.org/docs/cli/commands/ and /docs/internals/json-format/
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from http.client import HTTPConnection
from pathlib import Path
from textwrap import fill
from types import FrameType
from typing import Any, NoReturn
from urllib.parse import urlsplit

_COMMON = r"-input=false|-no-color"
_OPTIONS = {
    "init": rf"{_COMMON}|-backend-config=.+\.json",
    "plan": rf"{_COMMON}|-detailed-exitcode|-destroy|-out=.+|-lock-timeout=\d+[smh]"
    r"|-var-file=.+\.tfvars\.json",
    "show": r"-json|-no-color",
    "apply": rf"{_COMMON}|-lock-timeout=\d+[smh]",
    "output": r"-json|-no-color",
}
_DATA = Path(".terraform/terraform.tfstate")
_LOCAL = Path("terraform.tfstate")
_HTTP = {"address", "lock_address", "lock_method", "unlock_address", "unlock_method", "retry_max"}


def fail(title: str, detail: str = "") -> NoReturn:
    """End as the program does on an error, with lines that quote the configuration."""
    quoted = "  on main.tf.json line 1:\n   1: timeout"
    print(f"\nError: {title}\n\n{quoted}\n\n{fill(detail, 78)}", file=sys.stderr, flush=True)
    sys.exit(1)


def load(path: Path) -> Any:
    """A file of JSON."""
    if not path.exists():
        fail("Failed to read file", f"{path} does not exist")
    return json.loads(path.read_text())


class Backend:
    """Where the state is, as .terraform says."""

    def __init__(self) -> None:
        backend = load(_DATA)["backend"] if _DATA.exists() else {"config": {}}
        self.config: dict[str, Any] = backend["config"]
        self._lock = b""

    def read(self) -> dict[str, Any]:
        """The state; an empty one if there is none."""
        empty = {"version": 4, "serial": 0, "lineage": "", "outputs": {}, "resources": {}}
        if not self.config:
            return dict(json.loads(_LOCAL.read_text())) if _LOCAL.exists() else empty
        status, body = self._request("GET", self.config["address"])
        if status in (200, 404):
            return dict(json.loads(body)) if status == 200 else empty
        reason = f"Failed to get state: GET {self.config['address']} giving up after 1 attempt(s)"
        fail(
            "Error refreshing state",
            {401: "HTTP remote state endpoint requires auth"}.get(status, reason),
        )

    def write(self, state: dict[str, Any]) -> None:
        """Store the state under the lock."""
        state |= {"serial": state["serial"] + 1, "lineage": state["lineage"] or str(uuid.uuid4())}
        if not self.config:
            _LOCAL.write_text(json.dumps(state))
            return
        query = f"?ID={json.loads(self._lock)['ID']}"
        status, _ = self._request(
            "POST", self.config["address"] + query, json.dumps(state).encode()
        )
        if status != 200:
            fail("Failed to save state", f"HTTP error: {status}")

    def lock(self, operation: str, timeout: str) -> None:
        """Lock the state, or fail after the timeout."""
        if not self.config:
            return
        until = time.monotonic() + int(timeout[:-1]) * {"s": 1, "m": 60, "h": 3600}[timeout[-1]]
        self._lock = json.dumps({
            "ID": str(uuid.uuid4()), "Operation": operation, "Who": "tests", "Version": "0",
            "Created": "2026-01-01T00:00:00Z", "Info": "", "Path": "",
        }).encode()  # fmt: skip
        while True:
            status, body = self._request(
                self.config["lock_method"], self.config["lock_address"], self._lock
            )
            if status == 200:
                return
            if status != 423:
                fail("Error acquiring the state lock", f"Error message: HTTP {status}")
            if time.monotonic() >= until:
                reason = f"HTTP remote state already locked: ID={json.loads(body)['ID']}"
                fail("Error acquiring the state lock", f"Error message: {reason}")
            time.sleep(0.2)

    def unlock(self) -> None:
        """Release the lock."""
        if self.config:
            self._request(self.config["unlock_method"], self.config["unlock_address"], self._lock)

    def _request(self, method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
        login = ":".join(os.environ.get(f"TF_HTTP_{name}", "") for name in ("USERNAME", "PASSWORD"))
        basic = f"Basic {base64.b64encode(login.encode()).decode()}"
        headers = {"Content-Type": "application/json", "Authorization": basic}
        parts = urlsplit(url)
        connection = HTTPConnection(parts.netloc)
        try:
            connection.request(method, f"{parts.path}?{parts.query}", body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except OSError as error:
            fail("Error refreshing state", f"{method} {url}: {error}")


def init(options: dict[str, str]) -> int:
    """Write what .terraform says of the backend, and read the state once."""
    blocks = configuration().get("terraform", {}).get("backend", {})
    _DATA.parent.mkdir(exist_ok=True)
    _DATA.unlink(missing_ok=True)
    for kind, block in blocks.items():
        given = load(Path(options["-backend-config"])) if "-backend-config" in options else {}
        if wrong := (given.keys() | block.keys()) - _HTTP:
            fail("Unsupported argument", f'"{min(wrong)}" is not expected here.')
        written = {"version": 3, "backend": {"type": kind, "config": {**block, **given}}}
        _DATA.write_text(json.dumps(written, indent=4))
    Backend().read()
    print("OpenTofu has been successfully initialized!")
    return 0


def configuration() -> dict[str, Any]:
    """The configuration, with blocks that it knows only."""
    content: dict[str, Any] = load(Path("main.tf.json"))
    if unknown := content.keys() - {"terraform", "variable", "resource", "output"}:
        fail("Extraneous JSON object property", f'No argument or block type is named "{unknown}".')
    return content


def value(given: Any, variables: dict[str, Any], resources: dict[str, Any]) -> Any:
    """A literal, or what the one reference of a string refers to."""
    if isinstance(given, dict):
        return {name: value(each, variables, resources) for name, each in given.items()}
    if not isinstance(given, str) or "${" not in given:
        return given
    if found := re.fullmatch(r"\$\{var\.(\w+)\}", given):
        return variables[found[1]]
    if found := re.fullmatch(r"\$\{terraform_data\.(\w+)\.output\}", given):
        return resources[found[1]]["input"]
    fail("Unsupported expression", given)


def plan(options: dict[str, str]) -> int:
    """Compare the configuration with the state, and write the difference."""
    content, backend = configuration(), Backend()
    given = load(Path(options["-var-file"])) if "-var-file" in options else {}
    variables = {}
    for name in content.get("variable", {}):
        variables[name] = given.get(name, os.environ.get(f"TF_VAR_{name}"))
        if variables[name] is None:
            fail("No value for required variable", f'The root module input variable "{name}"')
    backend.lock("OperationTypePlan", options["-lock-timeout"])
    state = backend.read()
    blocks = content.get("resource", {}).get("terraform_data", {})
    wanted = {} if "-destroy" in options else blocks
    after = {name: value(block, variables, wanted) for name, block in wanted.items()}
    before = state["resources"]
    names = sorted(before.keys() | after.keys())
    changes = {name: actions(before.get(name), after.get(name)) for name in names}
    outputs = {
        name: {"sensitive": block.get("sensitive", False), "type": "string",
               "value": value(block["value"], variables, after)}
        for name, block in ({} if "-destroy" in options else content.get("output", {})).items()
    }  # fmt: skip
    planned = {
        "serial": state["serial"], "lineage": state["lineage"], "changes": changes,
        "after": after, "outputs": outputs, "variables": variables,
    }  # fmt: skip
    Path(options["-out"]).write_text(json.dumps(planned))
    backend.unlock()
    changed = any(each != ["no-op"] for each in changes.values()) or outputs != state["outputs"]
    print("Plan: see show." if changed else "No changes. Your infrastructure matches.")
    return (2 if changed else 0) if "-detailed-exitcode" in options else 0


def actions(old: Any, new: Any) -> list[str]:
    """What changes a resource into another one; None is one that does not exist."""
    if not (old and new):
        return ["create"] if new else ["delete"]
    if old.get("triggers_replace") != new.get("triggers_replace"):
        return ["delete", "create"]
    return ["no-op"] if old == new else ["update"]


def show(path: str) -> int:
    """Print the plan's form in JSON."""
    planned = load(Path(path))
    changes = [
        {"address": f"terraform_data.{name}", "mode": "managed", "type": "terraform_data",
         "name": name, "change": {"actions": made, "after": planned["after"].get(name)}}
        for name, made in planned["changes"].items()
    ]  # fmt: skip
    outputs = {name: {"actions": ["create"]} for name in planned["outputs"]}
    variables = {name: {"value": each} for name, each in planned["variables"].items()}
    form = {"format_version": "1.2", "variables": variables, "resource_changes": changes}
    print(json.dumps({**form, "output_changes": outputs}, separators=(",", ":")))
    return 0


def apply(options: dict[str, str], path: str) -> int:
    """Make the changes of a plan, unless the state is another than that of the plan."""
    planned, backend = load(Path(path)), Backend()
    backend.lock("OperationTypeApply", options["-lock-timeout"])
    state = backend.read()
    if (state["serial"], state["lineage"]) != (planned["serial"], planned["lineage"]):
        backend.unlock()
        fail("Saved plan is stale", "The given plan file can no longer be applied")
    errors = []
    for name, made in planned["changes"].items():
        for action in made:
            errors += perform(action, name, planned["after"].get(name), state["resources"])
    if not errors:
        state["outputs"] = planned["outputs"]
    backend.write(state)
    backend.unlock()
    if errors:
        fail("local-exec provisioner error", errors[0])
    print("Apply complete!")
    return 0


def perform(action: str, name: str, new: Any, resources: dict[str, Any]) -> list[str]:
    """Make one change; the errors of its provisioner."""
    verb = {"create": "Creating", "update": "Modifying", "delete": "Destroying"}.get(action)
    if verb is None:
        return []
    print(f"terraform_data.{name}: {verb}...", flush=True)
    resources.pop(name, None)
    if action == "delete":
        return []
    resources[name] = new
    command = new.get("provisioner", {}).get("local-exec", {}).get("command")
    if command and action == "create":
        process = subprocess.Popen(["/bin/sh", "-c", command], start_new_session=True)

        def stop(_signal: int, _frame: FrameType | None) -> None:
            print("\nInterrupt received.\nGracefully shutting down...", flush=True)
            os.killpg(process.pid, signal.SIGKILL)

        signal.signal(signal.SIGTERM, stop)
        if code := process.wait():
            resources[name] = {**new, "status": "tainted"}
            return [f"Error running command '{command}': exit status {code}."]
    return []


def output() -> int:
    """Print the outputs of the state as JSON."""
    print(json.dumps(Backend().read()["outputs"], indent=2))
    return 0


def main(command: str, *arguments: str) -> int:
    """Run a command of the program; other options than the known ones are refused."""
    given = [each for each in arguments if each.startswith("-")]
    paths = [each for each in arguments if not each.startswith("-")]
    for each in given:
        if not re.fullmatch(_OPTIONS[command], each):
            fail(f"flag provided but not defined: {each}")
    options = dict(each.partition("=")[::2] for each in given)
    match command, paths:
        case (("init" | "plan"), []):
            return {"init": init, "plan": plan}[command](options)
        case "show", [path] if "-json" in options:
            return show(path)
        case "apply", [path]:
            return apply(options, path)
        case "output", [] if "-json" in options:
            return output()
    fail("Too many command line arguments")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
