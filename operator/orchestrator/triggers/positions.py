"""How far a listener has read what cannot be read again by a cursor: objects, files, mailboxes.

Times of objects are no cursor. They have whole seconds, clocks of servers differ, and an upload in
parts may get the time at which it began. So a position is a moment until which everything has been
handled, and the identities that have been handled after it. Both fit into a trigger's status. What
does not fit is decided by the name of the execution, which the operator keeps for a day.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.engine.times import from_rfc3339, to_rfc3339

MAX_KEPT = 50
"""Maximum number of identities in the text of a position."""
MARGIN_SECONDS = 120
"""Seconds by which times of objects may be out of order."""
MAX_TIME = 253_370_764_800
"""The year 9999, in seconds since the epoch: the last time that can be written."""
_DIGEST = 6
"""Bytes of an identity's hash."""


@dataclass(slots=True)
class Position:
    """A moment, and what has been handled after it. Times in whole seconds since the epoch."""

    source: str
    """Hash of what is read: another mailbox or bucket has another position."""
    since: int
    """Everything up to this moment has been handled, or existed before."""
    done: dict[str, int] = field(default_factory=dict)
    """Hashes of what has been handled later than `since`, with their times."""
    cursor: str = ""
    """The position in the order that the source itself has, if it has one."""

    def is_new(self, identity: str, at: float) -> bool:
        """Whether something with this time has not been handled."""
        return whole(at) > self.since and digest(identity) not in self.done

    def handled(self, identity: str, at: float) -> None:
        """Something has been handled: its execution is stored, or it starts none."""
        if whole(at) > self.since:
            self.done[digest(identity)] = whole(at)

    def settle(self, until: float) -> None:
        """Everything up to `until` has been handled: forget the oldest of too many."""
        limit = whole(until) - MARGIN_SECONDS
        if len(self.done) <= MAX_KEPT:
            return
        excess = len(self.done) - MAX_KEPT
        oldest = sorted(self.done.items(), key=lambda one: (one[1], one[0]))[:excess]
        for _, at in oldest:
            if at > limit:
                break
            self.since = max(self.since, at)
        self.done = {key: at for key, at in self.done.items() if at > self.since}

    def text(self) -> str:
        """Its form in a status: at most 1,024 characters; of `done` the newest."""
        newest = sorted(self.done.items(), key=lambda one: (one[1], one[0]))[-MAX_KEPT:]
        kept = ",".join(f"{key}{at - self.since:x}" for key, at in newest)
        parts = [f"source={self.source}", f"since={to_rfc3339(self.since)}"]
        parts += [f"at={self.cursor}"] if self.cursor else []
        return " ".join([*parts, f"done={kept}"])


def parse_position(text: str | None, source: str) -> Position | None:
    """The position in a status; None if there is none of this source, or it was edited."""
    fields = _fields(text or "")
    if fields.get("source") != source:
        return None
    try:
        since = whole(from_rfc3339(fields.get("since", "")))
        done = dict(_done(each, since) for each in fields.get("done", "").split(",") if each)
    except ValueError:
        return None
    return Position(source, since, done, fields.get("at", ""))


def source_of(*parts: str) -> str:
    """The hash of what is read."""
    return digest("\0".join(parts))


def digest(identity: str) -> str:
    """Eight characters that stand for an identity."""
    data = hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()
    return base64.urlsafe_b64encode(data).decode()


def whole(at: float) -> int:
    """A time in whole seconds, rounded up, so that nothing is later than its rounded time."""
    return math.ceil(min(max(at, 0.0), MAX_TIME))


def _fields(text: str) -> Mapping[str, str]:
    pairs = (each.partition("=") for each in text.split(" "))
    return {name: value for name, _, value in pairs}


def _done(text: str, since: int) -> tuple[str, int]:
    """A hash and the seconds after `since`."""
    if len(text) < 9:
        raise ValueError(f"{text!r} is no handled identity")
    return text[:8], since + int(text[8:], 16)
