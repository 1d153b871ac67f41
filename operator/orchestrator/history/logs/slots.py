"""A bounded number of follows; who waits for one may have enough of it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict


class Slots:
    """So many at a time; first come, first served."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = count
        self._waiting: OrderedDict[asyncio.Future[None], None] = OrderedDict()

    @property
    def used(self) -> int:
        """Slots in use."""
        return self._count - self._free

    async def acquired(self, unless: asyncio.Event) -> bool:
        """Wait for a slot, or until the event is set: whether there is one."""
        if unless.is_set():
            return False
        if self._free:
            self._free -= 1
            return True
        slot = asyncio.get_running_loop().create_future()
        self._waiting[slot] = None
        other = asyncio.create_task(unless.wait())
        try:
            await asyncio.wait({slot, other}, return_when=asyncio.FIRST_COMPLETED)
            return slot.done()
        except asyncio.CancelledError:
            if slot.done():
                self.release()
            raise
        finally:
            self._waiting.pop(slot, None)
            other.cancel()

    def release(self) -> None:
        """Give a slot back."""
        if self._waiting:
            slot, _ = self._waiting.popitem(last=False)
            slot.set_result(None)
        else:
            self._free += 1
