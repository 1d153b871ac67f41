"""Lists a bucket or folder again and again, and delivers what is new."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from itertools import count

from orchestrator.engine.times import from_rfc3339
from orchestrator.receiver.listeners.blocking import BlockingThread, BusyError
from orchestrator.receiver.listeners.errors import LoginError, SourceError
from orchestrator.receiver.listeners.files.bucket import Bucket, opened
from orchestrator.receiver.listeners.files.folder import pages
from orchestrator.receiver.listeners.files.scan import Scans
from orchestrator.receiver.listeners.listener_session import ListenerSession, interval_of
from orchestrator.triggers.positions import MAX_KEPT, Position, source_of, whole
from orchestrator.triggers.types.file_watch import (
    S3,
    FileWatch,
    Found,
    WatchedVolume,
    chooser,
    event_of,
    folder_of,
)

PAGE_SECONDS = 60.0
"""Seconds for one page of a folder, which a network file system may need."""
MAX_PAGES = 100_000
"""Pages of a listing: a server that always names another is broken."""
Pages = Callable[[], AsyncIterator[list[Found]]]
"""Begins a listing."""


async def listen(listening: ListenerSession) -> None:
    """The driver; see orchestrator.receiver.listeners.registry.Driver."""
    settings = listening.trigger.settings
    assert isinstance(settings, FileWatch)
    if settings.volume is not None:
        await _volume(listening, settings, settings.volume)
    elif settings.s3 is not None:
        secrets = await listening.secrets()
        try:
            await _bucket(listening, settings, settings.s3, secrets)
        except LoginError:
            fresh = await listening.secrets(fresh=True)
            if fresh == secrets:
                raise
            await _bucket(listening, settings, settings.s3, fresh)


async def _bucket(
    listening: ListenerSession, settings: FileWatch, s3: S3, secrets: Sequence[bytes]
) -> None:
    async with opened(s3, secrets) as bucket:
        source = source_of("s3", bucket.host, s3.bucket, s3.prefix)
        reader = _Reader(listening, settings, source, partial(_objects, listening, bucket))
        where = f"bucket {s3.bucket} at {bucket.host}"
        while not await listening.rotated(secrets):
            await reader.read(where)


async def _objects(listening: ListenerSession, bucket: Bucket) -> AsyncIterator[list[Found]]:
    token = ""
    for number in count():
        if number == MAX_PAGES:
            raise SourceError(f"{bucket.host}: the listing does not end")
        page = await bucket.page(token, listening.shared.clock())
        yield list(page.objects)
        token = page.next
        if not token:
            return


async def _volume(listening: ListenerSession, settings: FileWatch, volume: WatchedVolume) -> None:
    namespace = listening.raw["metadata"]["namespace"]
    path = listening.volumes.path_of(volume.name, namespace)
    folder = folder_of(settings)
    # A thread that still waits for a dead file system is not replaced.
    known: BlockingThread | None = listening.memory.pop("thread", None)
    thread = known or BlockingThread(f"folder of {listening.name}")

    async def files() -> AsyncIterator[list[Found]]:
        iterator = pages(path, folder)
        while True:
            try:
                page = await thread.run(partial(next, iterator, None), PAGE_SECONDS)
            except (TimeoutError, BusyError) as error:
                message = f"volume {volume.name} does not answer within {PAGE_SECONDS:.0f} s"
                raise SourceError(message) from error
            if page is None:
                return
            yield page

    source = source_of("volume", volume.name, folder)
    reader = _Reader(listening, settings, source, files)
    try:
        while True:
            await reader.read(f"/{folder} of volume {volume.name}")
    finally:
        if thread.busy:
            listening.memory["thread"] = thread
        else:
            thread.close()


class _Reader:
    """Reads one bucket or folder."""

    def __init__(
        self, listening: ListenerSession, settings: FileWatch, source: str, listing: Pages
    ) -> None:
        self._listening = listening
        self._settings = settings
        self._source = source
        self._list = listing
        self._chosen = chooser(settings)

    async def read(self, where: str) -> None:
        """List everything once, deliver what is new, and wait for the poll interval."""
        listening, settings = self._listening, self._settings
        scans = await self._scans()
        async for page in self._list():
            listening.beat()
            new = scans.new_in(page)
            chosen = (found for found in new if self._chosen(found.key))
            await listening.deliver([event_of(settings, found) for found in chosen])
            scans.handled(new)
            if new:
                listening.reached(scans.position)
        scans.end(listening.shared.clock())
        listening.reached(scans.position)
        await listening.receiving(f"{where} is listed every {settings.poll_interval}")
        await listening.pause(interval_of(settings.poll_interval))

    async def _scans(self) -> Scans:
        """What is known, from the listing before or from the position; both are begun if there is
        none."""
        memory = self._listening.memory
        known: Scans | None = memory.get("scans")
        if known is not None and known.position.source == self._source:
            known.restart()
            return known
        settles = self._settings.volume is not None
        position = self._listening.position(self._source)
        if position is not None:
            scans = Scans(position, settles=settles)
        else:
            scans = await self._begin(settles=settles)
        memory["scans"] = scans
        return scans

    async def _begin(self, *, settles: bool) -> Scans:
        """The first listing: files that exist when the Trigger is created are no events.

        If the clock of the storage is behind, new files must not appear old: then the newest
        existing file sets the position, which lists the files of the same second.
        """
        listening = self._listening
        metadata, status = listening.raw["metadata"], listening.raw.get("status") or {}
        began = from_rfc3339(metadata["creationTimestamp"])
        if status.get("mark"):  # it listened to something else before
            began = listening.shared.clock()
        scans = Scans(Position(self._source, 0), settles=settles)
        newest: list[Found] = []
        async for page in self._list():
            listening.beat()
            old = [found for found in page if found.appeared <= began]
            scans.old(old)
            newest = _newest([*newest, *old])
        position = scans.position
        position.since = int(began)
        if newest:
            position.since = min(position.since, whole(newest[0].appeared))
        if newest and len(newest) <= MAX_KEPT and position.since == whole(newest[0].appeared):
            position.since -= 1
            for found in newest:
                position.handled(found.identity, found.appeared)
        if not newest:
            position.since = 0
        scans.end(listening.shared.clock())
        await listening.begin(position)
        return scans


def _newest(found: list[Found]) -> list[Found]:
    """Those of the latest second, at most one more than a position lists."""
    latest = max((whole(each.appeared) for each in found), default=0)
    return [each for each in found if whole(each.appeared) == latest][: MAX_KEPT + 1]
