"""Policies come and go, people forge and decide, an operator passes or not: whatever the order, a
forged decision never counts, and a person who decides again is heard in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.people.protection import POLICY_SETTLE_SECONDS, Policies
from orchestrator.engine.people.trust import (
    TRUSTED,
    Trust,
    fingerprint,
    trust_at_admission,
    trust_from_status,
    trust_to_status,
    trust_under,
)

WHILES = st.sampled_from([0.0, 0.4, 3.0, POLICY_SETTLE_SECONDS, 60.0])
"""Seconds."""
STEPS = ("remove", "create", "edit", "forge", "vote", "pass")


@dataclass
class Story:
    """One execution and the policies around it; `now` in seconds."""

    lag: float
    """Seconds after which the API server enforces what was stored and not what was removed."""
    now: float = 1000.0
    policies: Policies | None = None
    enforced_from: float = float("inf")
    enforced_until: float = 0.0
    versions: int = 0
    first_seen: dict[str, float] = field(default_factory=dict)
    created_at: float | None = None
    entries: list[dict[str, Any]] = field(default_factory=list)
    forged: set[str] = field(default_factory=set)
    trust: Trust = TRUSTED
    counted: set[str] = field(default_factory=set)

    def step(self, what: str) -> None:
        getattr(self, what)()

    @property
    def enforced(self) -> bool:
        """Whether the API server checks what is written now."""
        return self.enforced_from <= self.now or self.now < self.enforced_until

    def remove(self) -> None:
        if self.enforced:
            self.enforced_until = max(self.enforced_until, self.now + self.lag)
        self.policies, self.enforced_from = None, float("inf")

    def create(self) -> None:
        if self.policies is None:
            self._put(edited=False)

    def edit(self) -> None:
        """Softened and restored within the moment: enforced again only after the lag."""
        if self.policies is not None:
            self.enforced_until = 0.0
            self._put(edited=True)

    def _put(self, *, edited: bool) -> None:
        self.versions += 1
        self.policies = Policies(f"v{self.versions}", float(int(self.now)), edited)
        self.enforced_from = self.now + self.lag

    def forge(self) -> None:
        """A decision in another's name, or a replaced one: only while nothing is enforced."""
        if not self.enforced:
            self.forged.add(self._write("forged"))

    def vote(self) -> None:
        self._write("vote")

    def _write(self, comment: str) -> str:
        entry = {"node": "ask", "by": "ana", "comment": comment, "at": len(self.entries)}
        self.entries = [*self.entries, entry]
        return fingerprint(entry)

    def admit(self) -> None:
        self.created_at = float(int(self.now))
        trust = trust_at_admission(self._read(), self.created_at, self.entries, self.now)
        self._store(trust)

    def _read(self) -> Policies | None:
        """As the operator reads them: of edited ones it knows since when it has seen them."""
        found = self.policies
        if found is None or not found.edited:
            return found
        seen = self.first_seen.setdefault(found.identity, self.now)
        return Policies(found.identity, max(found.since, seen), edited=True)

    def _store(self, trust: Trust) -> None:
        self.trust = trust_from_status(trust_to_status(trust))

    def judge(self, *between: tuple[str, float]) -> None:
        """A pass: the spec is read, then the policies; between the two a while may pass."""
        assert self.created_at is not None
        seen = self.entries
        for what, seconds in between:
            self.now += seconds
            self.step(what)
        policies = self._read()
        trust = trust_under(self.trust, policies, self.created_at, seen, self.now)
        if trust != self.trust:
            if seen is self.entries:  # else the write conflicts
                self._store(trust)
        elif policies is not None and policies.identity == self.trust.policies:
            self.counted |= {fingerprint(entry) for entry in seen if self.trust.believes(entry)}


@given(
    before=st.lists(st.sampled_from(STEPS[:5]), max_size=4),
    steps=st.lists(
        st.tuples(
            st.sampled_from(STEPS),
            WHILES,
            st.lists(st.tuples(st.sampled_from(STEPS[:5]), WHILES), max_size=3),
        ),
        max_size=30,
    ),
    lag=st.sampled_from([0.0, 2.0, POLICY_SETTLE_SECONDS - 1]),
)
def test_a_forged_decision_never_counts_and_the_last_one_that_is_checked_does(
    before: list[str], steps: list[tuple[str, float, list[tuple[str, float]]]], lag: float
) -> None:
    story = Story(lag)
    for what in before:
        story.now += 7.0
        if what not in ("forge", "vote"):
            story.step(what)
    story.admit()
    for what, seconds, between in steps:
        story.now += seconds
        if what == "pass":
            story.judge(*between)
        else:
            story.step(what)
        assert story.forged.isdisjoint(story.counted)
    story.create()
    for _ in range(3):
        story.now += 2 * POLICY_SETTLE_SECONDS
        story.judge()
    story.vote()
    last = fingerprint(story.entries[-1])
    story.judge()
    assert last in story.counted
    assert story.forged.isdisjoint(story.counted)
