"""Jobs of attempts as real pods, in a namespace that enforces the restricted level."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from dev.images import name as image_name
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.expressions import SecretValue
from orchestrator.jobs.build import ExecutionIdentity, NodeJob, build_job
from orchestrator.jobs.observe import observe
from orchestrator.jobs.stop import DeletePod, PatchJob, PatchPod, plan_stop
from orchestrator.models.pod import PodSettings
from orchestrator.models.template import TemplateSpec
from tests.kube import Kubectl, eventually
from tests.planted import MARKER, planted

FINAL = (AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.TIMED_OUT)
HOSTILE = 'line one\nline "two"\t$(touch /tmp/x) $(PARAMS) $HOME `id` $$ \'; exit 7 \\ é $[[ x ]]'

FOREVER = "echo began; while :; do sleep 0.1; done"


@dataclass(frozen=True)
class Running:
    """A Job on the cluster, with the Template it was built from."""

    kubectl: Kubectl
    template: TemplateSpec
    name: str

    @property
    def job(self) -> dict[str, Any]:
        found: dict[str, Any] = self.kubectl.get("job", self.name)
        return found

    @property
    def pods(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.kubectl.get(
            "pods", "-l", f"batch.kubernetes.io/job-name={self.name}"
        )["items"]
        return items

    def observed(self) -> Attempt:
        job = self.job
        about = f"type=Warning,reason=FailedCreate,involvedObject.uid={job['metadata']['uid']}"
        events = self.kubectl.get("events", "--field-selector", about)["items"]
        return observe(self.template, job, self.pods, events)

    def until(self, holds: Callable[[Attempt], bool]) -> Attempt:
        def check() -> Attempt | None:
            attempt = self.observed()
            return attempt if holds(attempt) else None

        found: Attempt = eventually(check)
        return found

    def ended(self) -> Attempt:
        return self.until(lambda attempt: attempt.state in FINAL)

    def says(self, text: str) -> None:
        """Wait until its log holds the text."""
        eventually(lambda: text in self.log())

    def log(self) -> str:
        return self.kubectl.attempt("logs", f"job/{self.name}").stdout

    def stop(self, *, force: bool = False) -> list[object]:
        """Carry out what stops it, as the operator does; the steps taken."""
        steps = plan_stop(self.name, self.pods, force=force)
        for step in steps:
            match step:
                case PatchPod(name, patch):
                    self._patch("pod", name, patch)
                case PatchJob(name, patch):
                    self._patch("job", name, patch)
                case DeletePod(name, grace):
                    self.kubectl("delete", "pod", name, f"--grace-period={grace}", "--force")
        return list(steps)

    def _patch(self, kind: str, name: str, patch: Any) -> None:
        self.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps(patch))


def start(
    kubectl: Kubectl,
    parameters: dict[str, Any] | None = None,
    *,
    timeout: int = 60,
    outputs: tuple[dict[str, Any], ...] = ({"name": "value", "type": "string"},),
    pod: PodSettings | None = None,
    **action: Any,
) -> Running:
    """Create the Job of an attempt."""
    template = TemplateSpec.model_validate({"outputs": list(outputs), "action": action})
    identity = ExecutionIdentity("run", kubectl.namespace, "5b4f7a52-run", "flow")
    wanted = NodeJob("node_", 1, 0, parameters or {}, timeout)
    manifest = build_job(template, wanted, identity, pod, image_name())
    # There is no such execution, and the garbage collector removes objects without an owner.
    del manifest["metadata"]["ownerReferences"]
    kubectl.create(manifest)
    return Running(kubectl, template, manifest["metadata"]["name"])


def script(source: str, interpreter: str = "sh") -> dict[str, Any]:
    return {"interpreter": interpreter, "source": source}


def test_a_restricted_pod_runs_and_its_outputs_are_read(kubectl: Kubectl) -> None:
    source = """\
test "$(id -u)" = 65532 || exit 11
test "$HOME" = /tmp || exit 12
echo > /tmp/writable || exit 13
if echo > /writable; then exit 14; fi
if test -e /var/run/secrets/kubernetes.io; then exit 15; fi
echo running as "$NODE", attempt "$ATTEMPT", "$CONTEXT"
printf '{"value": "done"}' > "$OUTPUTS"
"""
    env = [
        {"name": "NODE", "value": "$[[ node.name ]]"},
        {"name": "ATTEMPT", "value": "$[[ node.attempt ]]"},
    ]
    running = start(kubectl, script=script(source), env=env)
    attempt = running.ended()
    assert (attempt.state, attempt.outputs) == (AttemptState.SUCCEEDED, {"value": "done"}), attempt
    assert attempt.started_at is not None
    assert attempt.finished_at is not None
    assert "running as node_, attempt 1, " in running.log()
    # Lines of the other stream may come after it.
    context = json.loads(running.log().partition("attempt 1, ")[2].splitlines()[0])
    assert (context["execution"], context["node"], context["attempt"]) == ("run", "node_", 1)
    assert context["key"] == "5b4f7a52-run/node_/0"


def test_hostile_values_and_scripts_arrive_as_they_are(kubectl: Kubectl) -> None:
    source = f"""\
import json, os
text = json.loads(os.environ["PARAMS"])["text"]
assert os.environ["PARAM_TEXT"] == os.environ["ENV_TEXT"] == text
assert "SCRIPT_SOURCE" not in os.environ and not os.path.exists("/tmp/x")
assert {HOSTILE!r} == os.environ["PARAM_TEXT"], os.environ["PARAM_TEXT"]
json.dump({{"value": open(__file__).read()}}, open(os.environ["OUTPUTS"], "w"))
# {HOSTILE.splitlines()[1]}
"""
    env = [
        {"name": "ENV_TEXT", "value": "$[[ params.text ]]"},
        {"name": "WRITTEN", "value": "<$(PARAM_TEXT)>"},
    ]
    running = start(kubectl, {"text": HOSTILE}, script=script(source, "python3 -u"), env=env)
    attempt = running.ended()
    assert attempt.state is AttemptState.SUCCEEDED, (attempt, running.log())
    assert attempt.outputs["value"].rstrip("\n") == source.rstrip("\n")


def test_rendered_arguments_reach_the_process_unchanged(kubectl: Kubectl) -> None:
    program = (
        "import json, os, sys;"
        'json.dump({"value": sys.argv[1], "other": sys.argv[2]}, open(os.environ["OUTPUTS"], "w"))'
    )
    outputs = ({"name": "value", "type": "string"}, {"name": "other", "type": "string"})
    running = start(
        kubectl,
        {"text": HOSTILE},
        outputs=outputs,
        command=["python3", "-c", program],
        args=["$[[ params.text ]]", "$(PARAM_TEXT)"],
    )
    assert running.ended().outputs == {"value": HOSTILE, "other": HOSTILE}


def test_parameters_as_large_as_allowed_arrive_whole(kubectl: Kubectl) -> None:
    text = '$x"é\n' * 13_000
    source = """\
import hashlib, json, os
text = json.loads(os.environ["PARAMS"])["text"]
assert text == os.environ["PARAM_TEXT"]
digest = hashlib.sha256(text.encode()).hexdigest()
json.dump({"value": digest}, open(os.environ["OUTPUTS"], "w"))
"""
    running = start(kubectl, {"text": text}, script=script(source, "python3"))
    attempt = running.ended()
    assert attempt.outputs == {"value": hashlib.sha256(text.encode()).hexdigest()}, attempt


def test_a_secret_reaches_the_container_and_nothing_else(kubectl: Kubectl) -> None:
    secret = f"{planted('job')}-$(PARAMS)"
    kubectl("create", "secret", "generic", "api", f"--from-literal=token={secret}")
    source = 'printf \'{"value": "%s"}\' "$(printf %s "$PARAM_TOKEN" | wc -c)" > "$OUTPUTS"'
    running = start(kubectl, {"token": SecretValue("api", "token")}, script=script(source))
    assert running.ended().outputs == {"value": str(len(secret))}
    assert MARKER not in json.dumps([running.job, running.pods])


@pytest.mark.parametrize(
    ("source", "reason", "words"),
    [
        ('echo the service is gone > "$OUTPUTS"; exit 3', "Failed", "the service is gone"),
        ("echo a long log; exit 3", "Failed", "exit code 3"),
        ('head -c 5000 /dev/zero | tr "\\0" x > "$OUTPUTS"', "OutputsTooLarge", "4,096 bytes"),
        ('echo fine > "$OUTPUTS"', "OutputsInvalid", "not JSON"),
        ('echo \'{"other": 1}\' > "$OUTPUTS"', "OutputsInvalid", "'other' is not declared"),
        ('echo \'{"value": 1}\' > "$OUTPUTS"', "OutputsInvalid", "value must be a string"),
    ],
)
def test_a_failure_says_what_was_wrong(
    kubectl: Kubectl, source: str, reason: str, words: str
) -> None:
    attempt = start(kubectl, script=script(source)).ended()
    assert (attempt.state, attempt.reason) == (AttemptState.FAILED, reason)
    assert words in attempt.message


def test_out_of_memory_is_said_in_words(kubectl: Kubectl) -> None:
    running = start(
        kubectl,
        script=script("x = bytearray(400_000_000)\nprint(len(x))", "python3"),
        resources={"limits": {"memory": "64Mi"}},
    )
    assert "out of memory" in running.ended().message


def test_an_unknown_program_is_said_in_words(kubectl: Kubectl) -> None:
    attempt = start(kubectl, command=["no-such-program"]).ended()
    assert attempt.message.startswith("the container could not start: ")
    assert "no-such-program" in attempt.message


def test_a_timeout_keeps_the_pod_and_its_log(kubectl: Kubectl) -> None:
    source = f"trap 'echo ending; exit 0' TERM; {FOREVER}"
    running = start(kubectl, script=script(source), timeout=3)
    attempt = running.ended()
    assert (attempt.state, attempt.reason) == (AttemptState.TIMED_OUT, "TimedOut")
    assert running.log().split() == ["began", "ending"]


def test_a_gentle_stop_keeps_the_pod_and_its_log(kubectl: Kubectl) -> None:
    source = f"trap 'echo ending; sleep 1; echo ended; exit 0' TERM; {FOREVER}"
    running = start(kubectl, script=script(source), timeout=600)
    running.says("began")
    (pod,) = running.pods
    assert running.stop() == [PatchPod(pod["metadata"]["name"])]
    attempt = running.ended()
    assert attempt.state is AttemptState.TIMED_OUT
    assert running.log().split() == ["began", "ending", "ended"], "no SIGTERM, or no grace"
    (kept,) = running.pods
    assert kept["metadata"]["uid"] == pod["metadata"]["uid"]
    assert kept["status"]["reason"] == "DeadlineExceeded"


def test_what_ignores_sigterm_is_killed_after_its_grace(kubectl: Kubectl) -> None:
    source = f"trap '' TERM; {FOREVER}"
    running = start(kubectl, script=script(source), terminationGracePeriod="2s")
    running.says("began")
    running.stop()
    assert running.ended().exit_code == 137


def test_a_stop_by_force_leaves_nothing_running(kubectl: Kubectl) -> None:
    running = start(kubectl, script=script("trap '' TERM; echo began; sleep 600"), timeout=600)
    running.says("began")
    running.stop(force=True)
    assert running.ended().state in (AttemptState.TIMED_OUT, AttemptState.FAILED)
    assert running.pods == []


def test_a_missing_secret_is_said_in_words_and_may_still_come(kubectl: Kubectl) -> None:
    source = 'printf \'{"value": "%s"}\' "$PARAM_TOKEN" > "$OUTPUTS"'
    running = start(kubectl, {"token": SecretValue("late", "token")}, script=script(source))
    attempt = running.until(lambda attempt: bool(attempt.reason))
    assert (attempt.state, attempt.reason) == (AttemptState.PENDING, "SecretMissing")
    assert "Secret late is missing: kubectl" in attempt.message
    kubectl("create", "secret", "generic", "late", "--from-literal=token=here")
    assert running.ended().outputs == {"value": "here"}


def test_an_image_that_cannot_be_pulled_is_said_in_words_and_stops(kubectl: Kubectl) -> None:
    running = start(kubectl, image="registry.invalid/no/such:tag", timeout=600)
    attempt = running.until(lambda attempt: bool(attempt.reason))
    assert (attempt.state, attempt.reason) == (AttemptState.PENDING, "ImagePull")
    assert "registry.invalid/no/such:tag" in attempt.message
    (pod,) = running.pods
    assert running.stop() == [PatchPod(pod["metadata"]["name"])]
    ended = running.ended()
    assert (ended.state, ended.reason) == (AttemptState.FAILED, "NeverStarted")
    (kept,) = running.pods
    assert kept["status"]["reason"] == "DeadlineExceeded"


def test_a_pod_that_no_machine_takes_is_said_in_words_and_stops(kubectl: Kubectl) -> None:
    nowhere = PodSettings.model_validate({"nodeSelector": {"disk": "none-such"}})
    running = start(kubectl, script=script("true"), pod=nowhere, timeout=600)
    attempt = running.until(lambda attempt: bool(attempt.reason))
    assert (attempt.state, attempt.reason) == (AttemptState.PENDING, "Unschedulable")
    assert "node" in attempt.message
    assert running.stop() == [PatchJob(running.name)]
    ended = running.ended()
    assert ended.state is AttemptState.FAILED
    assert ended.reason in ("NeverStarted", "Unschedulable")  # as far as the pod is still there


def test_a_pod_that_admission_refuses_is_said_in_words(kubectl: Kubectl) -> None:
    kubectl("create", "quota", "none", "--hard=pods=0")
    eventually(lambda: kubectl.get("quota", "none").get("status", {}).get("hard"))
    running = start(kubectl, script=script("true"))
    attempt = running.until(lambda attempt: bool(attempt.reason))
    assert (attempt.state, attempt.reason) == (AttemptState.PENDING, "QuotaExceeded")
    assert "describe quota none" in attempt.message


def test_an_evicted_pod_is_a_disruption(kubectl: Kubectl) -> None:
    running = start(kubectl, script=script(f"trap 'exit 5' TERM; {FOREVER}"))
    running.says("began")
    (pod,) = running.pods
    name = pod["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    path = f"/api/v1/namespaces/{kubectl.namespace}/pods/{name}/eviction"
    kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    attempt = running.ended()
    assert (attempt.state, attempt.reason) == (AttemptState.FAILED, "Disrupted")
    assert attempt.message.startswith("the pod was disrupted")
