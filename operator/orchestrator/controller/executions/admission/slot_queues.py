"""The queues of executions that wait for a slot, as known to this process."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from orchestrator.engine.concurrency.slots import Claim, Holder, Order

Key = tuple[str, str]


@dataclass(slots=True)
class Queue:
    """The queue for the slots of one group and key."""

    order: list[Order] = field(default_factory=list)
    keys: dict[str, Key] = field(default_factory=dict)
    """Keys of executions by uid."""

    @property
    def head(self) -> Key:
        """The next execution."""
        return self.keys[self.order[0][2]]

    def ahead(self, claim: Claim, holders: Sequence[Holder] = ()) -> int:
        """The number of claims ahead of this one, without those that hold a slot by now."""
        held = {holder.uid for holder in holders}
        return sum(
            uid not in held for *_, uid in self.order[: bisect_left(self.order, claim.order)]
        )

    def add(self, key: Key, claim: Claim) -> None:
        """Add the execution in its place."""
        insort(self.order, claim.order)
        self.keys[claim.uid] = key

    def remove(self, claim: Claim) -> None:
        """Remove the execution."""
        self.keys.pop(claim.uid, None)
        place = bisect_left(self.order, claim.order)
        if place < len(self.order) and self.order[place] == claim.order:
            del self.order[place]


class Queues:
    """By namespace and name of the slots; none of them is empty."""

    def __init__(self) -> None:
        self._queues: dict[tuple[str, str], Queue] = {}
        self._claims: dict[Key, Claim] = {}
        """Claims of waiting executions."""

    def join(self, key: Key, claim: Claim) -> Queue:
        """The queue of the claim, with the execution in its place."""
        queue = self._queues.setdefault((key[0], claim.slots), Queue())
        if key not in self._claims:
            self._claims[key] = claim
            queue.add(key, claim)
        return queue

    def claim(self, key: Key) -> Claim | None:
        """The execution's claim, if it waits."""
        return self._claims.get(key)

    def leave(self, key: Key) -> Key | None:
        """Remove the execution; returns the head of its queue, if any is left."""
        claim = self._claims.pop(key, None)
        if claim is None:
            return None
        queue = self._queues[key[0], claim.slots]
        queue.remove(claim)
        if not queue.order:
            del self._queues[key[0], claim.slots]
            return None
        return queue.head

    def of(self, namespace: str, slots: str) -> Queue | None:
        """The queue for these slots, if any execution waits for them."""
        return self._queues.get((namespace, slots))

    def heads(self, namespace: str) -> Iterator[Key]:
        """The heads of the namespace's queues."""
        return (queue.head for (where, _), queue in self._queues.items() if where == namespace)
