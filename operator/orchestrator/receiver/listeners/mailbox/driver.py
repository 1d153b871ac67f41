"""Reads a mailbox: what is new since the position, then what arrives.

The position is the UID of the last message that was handled. If the server gives its messages
other numbers (UIDVALIDITY), those are new that were received after all that is known, by
INTERNALDATE, and whose Message-ID is not among the last ones.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from orchestrator.receiver.listeners.blocking import BlockingThread, BusyError
from orchestrator.receiver.listeners.errors import LoginError, SourceError
from orchestrator.receiver.listeners.listener_session import ListenerSession, interval_of
from orchestrator.receiver.listeners.mailbox.connection import Mailbox, Selected, UnreadableError
from orchestrator.triggers.mail.message import Message, identity_of
from orchestrator.triggers.positions import Position, source_of
from orchestrator.triggers.sources import Event
from orchestrator.triggers.types.email import Email, event_of, port_of

logger = logging.getLogger(__name__)

BATCH = 25
"""Messages that are read and delivered together."""
IDLE_SECONDS = 20.0
"""Seconds of one IDLE command; Secrets are compared in between."""
CALL_SECONDS = 120.0
"""Seconds for one step with the server, however slowly it answers."""
ATTEMPTS = 2
"""Attempts to read a message that ends the connection, before less of it is read."""
Result = TypeVar("Result")


async def listen(listening: ListenerSession) -> None:
    """The driver; see orchestrator.receiver.listeners.registry.Driver."""
    secrets = await listening.secrets()
    try:
        await _Reader(listening, secrets).run()
    except LoginError:
        fresh = await listening.secrets(fresh=True)
        if fresh == secrets:
            raise
        await _Reader(listening, fresh).run()


class _Reader:
    """Reads the mailbox over one connection."""

    def __init__(self, listening: ListenerSession, secrets: Sequence[bytes]) -> None:
        settings = listening.trigger.settings
        assert isinstance(settings, Email)
        self._listening = listening
        self._settings = settings
        self._secrets = list(secrets)
        username, password, *ca = secrets
        self._mailbox = Mailbox(settings, username, password, ca[0] if ca else None)
        self._thread = BlockingThread(f"mailbox of {listening.name}")
        troubles: Counter[int] = listening.memory.setdefault("troubles", Counter())
        self._troubles = troubles
        """How often the connection ended while a message was read, by its UID."""

    async def run(self) -> None:
        """Read until the connection ends, or the Secrets change."""
        try:
            selected = await self._call(self._mailbox.open)
            position = await self._position(selected)
            how = "new messages are announced (IDLE)" if selected.idles else "no IDLE"
            where = f"{self._settings.mailbox} at {self._settings.host}"
            every = self._settings.poll_interval
            await self._listening.receiving(f"{where} is read at least every {every}; {how}")
            while not await self._listening.rotated(self._secrets):
                await self._catch_up(position, selected.validity)
                await self._wait(selected)
        finally:
            # Ends a call under way; what is delivered is not lost.
            self._mailbox.abort()
            self._thread.close(self._mailbox.close)

    async def _call(self, work: Callable[[], Result]) -> Result:
        self._listening.beat()
        try:
            return await self._thread.run(work, CALL_SECONDS)
        except (TimeoutError, BusyError) as error:
            message = f"{self._settings.host} does not answer within {CALL_SECONDS:.0f} s"
            raise SourceError(message) from error

    async def _position(self, selected: Selected) -> Position:
        """The position, at the end of the mailbox if it is read for the first time."""
        settings = self._settings
        source = source_of(
            settings.host.lower(),
            str(port_of(settings)),
            settings.mailbox,
            self._secrets[0].decode(errors="replace"),
        )
        position = self._listening.position(source)
        if position is not None and position.cursor:
            validity, _, _ = position.cursor.partition(".")
            if validity != str(selected.validity):
                await self._renumbered(position, selected)
            return position
        received = await self._call(self._mailbox.received_last)
        now = self._listening.shared.clock()
        # If the clock of the server is behind, the next message must not count as older.
        position = Position(source, int(min(now, received or 0.0)))
        position.cursor = f"{selected.validity}.{selected.last}"
        await self._listening.begin(position)
        return position

    async def _catch_up(self, position: Position, validity: int) -> None:
        """Deliver the messages after the position, oldest first."""
        after = int(position.cursor.partition(".")[2])
        last = await self._call(self._mailbox.last)
        windows = self._mailbox.uids(after, last)
        while uids := await self._call(partial(next, windows, None)):
            for batch in _batches(uids):
                await self._deliver(batch, position, validity)
                position.cursor = f"{validity}.{batch[-1]}"
                self._listening.reached(position)

    async def _renumbered(self, position: Position, selected: Selected) -> None:
        """Deliver what is new by time and Message-ID, in a mailbox whose messages have new UIDs."""
        since = max(0.0, position.since - 24 * 3600.0)
        day = datetime.fromtimestamp(since, UTC).date()
        for batch in _batches(await self._call(partial(self._mailbox.since, day))):
            if batch[0] <= selected.last:
                await self._deliver(batch, position, selected.validity, new_only=True)
        position.cursor = f"{selected.validity}.{selected.last}"
        self._listening.reached(position)
        logger.info("trigger %s: the mailbox has new UIDs", self._listening.name)

    async def _deliver(
        self, uids: Sequence[int], position: Position, validity: int, *, new_only: bool = False
    ) -> None:
        messages = await self._read(uids)
        if new_only:
            messages = [
                each for each in messages if position.is_new(identity_of(each), each.received_at)
            ]
        await self._listening.deliver([self._event(each, validity) for each in messages])
        if not self._listening.trigger.spec.suspend:
            await self._finish([each.uid for each in messages])
        for each in messages:
            position.handled(identity_of(each), each.received_at)
        newest = max((each.received_at for each in messages), default=0.0)
        position.settle(newest)

    def _event(self, message: Message, validity: int) -> Event:
        """The event of a message.

        Mail comes from anyone: a message that our code cannot read is an event without content, and
        holds up no other."""
        try:
            return event_of(message, validity)
        except Exception:
            logger.exception("trigger %s: message %d", self._listening.name, message.uid)
        self._listening.failed(f"message {message.uid} cannot be read: its event has no content")
        empty = Message(message.uid, message.received_at, message.size, b"")
        return event_of(empty, validity)

    async def _finish(self, uids: Sequence[int]) -> None:
        """Mark or move messages whose executions are stored."""
        if not uids:
            return
        try:
            await self._call(partial(self._mailbox.finish, uids))
        except UnreadableError as error:
            self._listening.failed(f"{len(uids)} messages are not marked or moved: {error}")

    async def _read(self, uids: Sequence[int]) -> list[Message]:
        """The messages; one that cannot be read does not block the others, and is not lost."""
        if not self._troubles:
            try:
                return await self._guarded(uids, partial(self._mailbox.messages, uids))
            except UnreadableError:
                pass
        found: list[Message] = []
        for uid in uids:
            found += await self._read_one(uid)
        return found

    async def _read_one(self, uid: int) -> list[Message]:
        """A message, with as much of it as the server gives without failing."""
        tries = [partial(self._mailbox.messages, [uid]), partial(self._mailbox.header_only, uid)]
        for work in tries[self._troubles[uid] // ATTEMPTS :]:
            try:
                return await self._guarded([uid], work)
            except UnreadableError as error:
                logger.warning("trigger %s: message %d: %s", self._listening.name, uid, error)
        self._listening.failed(f"message {uid} cannot be read: its event has no content")
        return [Message(uid, self._listening.shared.clock(), 0, b"")]

    async def _guarded(
        self, uids: Sequence[int], work: Callable[[], list[Message]]
    ) -> list[Message]:
        """Read messages, and remember which ended the connection."""
        try:
            messages = await self._call(work)
        except SourceError:
            self._troubles.update(uids)
            raise
        for uid in uids:
            self._troubles.pop(uid, None)
        return messages

    async def _wait(self, selected: Selected) -> None:
        """Wait until the server announces something, or until the poll interval is over."""
        left = interval_of(self._settings.poll_interval)
        while left > 0 and not await self._listening.rotated(self._secrets):
            seconds = min(left, IDLE_SECONDS)
            if not selected.idles:
                await self._listening.pause(seconds)
            elif await self._call(partial(self._mailbox.wait, seconds)):
                return
            left -= seconds
        await self._call(self._mailbox.check)


def _batches(uids: Sequence[int]) -> list[Sequence[int]]:
    return [uids[start : start + BATCH] for start in range(0, len(uids), BATCH)]
