"""The check that no right of the operator is unused without a reason."""

from __future__ import annotations

import re

from dev.rights import ROOT, UNUSED, granted, problems

ROLES = granted()
USED = ROLES - set(UNUSED)


def test_what_no_test_uses_needs_a_reason() -> None:
    assert list(problems(ROLES, USED)) == []
    right = ("batch", "jobs", "watch")
    (said,) = problems(ROLES, USED - {right})
    assert said.startswith("watch jobs.batch: granted, and no test uses it")
    (said,) = problems(ROLES | {("", "secrets", "get")}, USED)
    assert said.startswith("get secrets: granted")


def test_a_reason_for_what_is_not_granted_goes() -> None:
    right = next(iter(UNUSED))
    (said,) = problems(ROLES - {right}, USED)
    assert said.endswith("is not granted; take it out of UNUSED")


def test_the_reference_gives_a_reason_for_each_right() -> None:
    page = (ROOT / "docs/reference/operator.md").read_text()
    rows = re.findall(r"^\| (`[^|]*) \| (`[^|]*) \| [^|]+ \|$", page, re.MULTILINE)
    listed = {
        (resource, verb)
        for resources, verbs in rows
        for resource in re.findall(r"`([a-z/]+)`", resources)
        for verb in re.findall(r"`([a-z]+)`", verbs)
    }
    assert listed >= {(resource, verb) for _, resource, verb in ROLES}
    assert listed <= {(resource, verb) for _, resource, verb in ROLES}
