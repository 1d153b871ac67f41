"""What of an execution's spec is believed: what was written while the policies checked it.

The policies are known by their uids and generations, so that policies that were removed or softened
and restored afterwards are others. While the identity that the status holds and the identity that
is read after the spec are the same, every write between the two was checked; the status is written
under a guard, so it speaks of the very spec that was read. Whatever is there when the identity
changes was written before, and is ignored from then on. This holds as well where no operator ran
meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from orchestrator.engine.people.protection import POLICY_SETTLE_SECONDS, Policies

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trust:
    """What of a spec is believed, as the status records it.

    `policies` is the identity of those under which decisions and signals count, empty before the
    first; `requester` whether requester and trigger are believed; `ignored` the fingerprints of the
    decisions and signals that never count.
    """

    policies: str = ""
    requester: bool = True
    ignored: frozenset[str] = frozenset()

    def believes(self, entry: Entry) -> bool:
        """Whether a decision or signal was not written without the policies."""
        return not self.ignored or fingerprint(entry) not in self.ignored


TRUSTED = Trust()
"""All of a spec is believed, and no policies are known yet."""


def trust_at_admission(
    policies: Policies | None, created_at: float, entries: Iterable[Entry], now: float
) -> Trust:
    """What is believed of an execution that is admitted now; `created_at` by the API server."""
    if _covers(policies, created_at):
        assert policies is not None
        return Trust(policies.identity)
    return trust_under(Trust(requester=False), policies, created_at, entries, now)


def trust_under(
    trust: Trust,
    policies: Policies | None,
    created_at: float,
    entries: Iterable[Entry],
    now: float,
) -> Trust:
    """What is believed once these policies are in place and in effect.

    Where they are others than before, what is there was written before them and is ignored; where
    they are the first, unless they were in effect before the execution was created.
    """
    if policies is None or now < policies.since + POLICY_SETTLE_SECONDS:
        return trust
    if policies.identity in ("", trust.policies):
        return trust
    if not trust.policies and _covers(policies, created_at):
        return replace(trust, policies=policies.identity)
    ignored = frozenset(fingerprint(entry) for entry in entries)
    return replace(trust, policies=policies.identity, ignored=ignored)


def fingerprint(entry: Entry) -> str:
    """What identifies a decision or signal: 64 bits of the hash of all that it says.

    One that is nested too deep to be encoded never counts; its keys identify it.
    """
    try:
        text = orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        text = orjson.dumps([entry.get(key) for key in ("node", "by", "id")])
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def trust_to_status(trust: Trust) -> dict[str, Any]:
    """As `status.trust` holds it; what is ordinary is absent."""
    raw: dict[str, Any] = {}
    if trust.policies:
        raw["policies"] = trust.policies
    if not trust.requester:
        raw["requesterUnknown"] = True
    if trust.ignored:
        raw["ignored"] = sorted(trust.ignored)
    return raw


def trust_from_status(raw: Mapping[str, Any] | None) -> Trust:
    """As read from `status.trust`."""
    if not raw:
        return Trust()
    return Trust(
        raw.get("policies", ""),
        not raw.get("requesterUnknown", False),
        frozenset(raw.get("ignored") or ()),
    )


def entries_of(spec: Mapping[str, Any]) -> Iterator[Entry]:
    """The decisions and signals of a spec."""
    yield from spec.get("decisions") or ()
    yield from spec.get("signals") or ()


def _covers(policies: Policies | None, created_at: float) -> bool:
    """Whether the policies were in effect when the execution was created, and have been since."""
    return policies is not None and created_at >= policies.since + POLICY_SETTLE_SECONDS
