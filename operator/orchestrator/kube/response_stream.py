"""The parts of a streamed response, as they arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp

_LENGTH = 4
"""Bytes of the length before a frame."""


async def lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Lines of any length; aiohttp's own reader limits their length."""
    rest = bytearray()
    async for chunk in response.content.iter_any():
        rest += chunk
        if b"\n" in chunk:
            *complete, last = bytes(rest).split(b"\n")
            rest = bytearray(last)
            for line in complete:
                if line:
                    yield line


async def frames(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Length-prefixed messages."""
    rest = bytearray()
    async for chunk in response.content.iter_any():
        rest += chunk
        begin = 0
        while len(rest) - begin >= _LENGTH:
            end = begin + _LENGTH + int.from_bytes(rest[begin : begin + _LENGTH])
            if end > len(rest):
                break
            yield bytes(rest[begin + _LENGTH : end])
            begin = end
        del rest[:begin]
