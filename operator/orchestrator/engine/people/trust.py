"""Which parts of an execution's spec are trusted: those written while the policies checked them.

Policies are identified by their uids and generations, so policies that were removed or weakened and
restored afterwards are different ones. While the identity in the status and the identity that is
read after the spec are the same, every write between the two was checked; the status is written
under a guard, so it refers to exactly the spec that was read. Entries that exist when the identity
changes were written before the change, and are ignored from then on. This holds even if no operator
ran in between.
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
    """The trusted parts of a spec, as the status records them.

    `policies` is the identity of the policies under which decisions and signals count, empty before
    the first; `requester` is whether requester and trigger are trusted; `ignored` are the
    fingerprints of the decisions and signals that never count.
    """

    policies: str = ""
    requester: bool = True
    ignored: frozenset[str] = frozenset()

    def believes(self, entry: Entry) -> bool:
        """Whether the entry was written while the policies were enforced."""
        return not self.ignored or fingerprint(entry) not in self.ignored


TRUSTED = Trust()
"""All of a spec is trusted, and no policies are known yet."""


def trust_at_admission(
    policies: Policies | None, created_at: float, entries: Iterable[Entry], now: float
) -> Trust:
    """The trust of an execution that is admitted now; `created_at` is the API server's
    timestamp."""
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
    """The trust once these policies are in place and enforced.

    If they differ from the earlier ones, existing entries were written before them and are ignored;
    so too under the first policies, unless these were enforced before the execution was created.
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
    """Identifies a decision or signal: 64 bits of the hash of its content.

    An entry that is nested too deep to be encoded never counts; its keys identify it.
    """
    try:
        text = orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        text = orjson.dumps([entry.get(key) for key in ("node", "by", "id")])
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def trust_to_status(trust: Trust) -> dict[str, Any]:
    """In the form of `status.trust`; default values are absent."""
    raw: dict[str, Any] = {}
    if trust.policies:
        raw["policies"] = trust.policies
    if not trust.requester:
        raw["requesterUnknown"] = True
    if trust.ignored:
        raw["ignored"] = sorted(trust.ignored)
    return raw


def trust_from_status(raw: Mapping[str, Any] | None) -> Trust:
    """From the form of `status.trust`."""
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
    """Whether the policies were enforced when the execution was created, and have been since."""
    return policies is not None and created_at >= policies.since + POLICY_SETTLE_SECONDS
