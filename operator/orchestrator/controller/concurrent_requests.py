"""Sends independent requests of one pass concurrently.

It waits for all of them even if one fails: no request may still be in flight in a later pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

Result = TypeVar("Result")


async def gather_outcomes(
    requests: Iterable[Coroutine[Any, Any, Result]],
) -> list[Result | BaseException]:
    """The result of each, or its exception, in order."""
    each = list(requests)
    if len(each) == 1:  # as most often, and then without a task of its own
        try:
            return [await each[0]]
        except Exception as error:
            return [error]
    return await asyncio.gather(*each, return_exceptions=True) if each else []


async def gather_results(requests: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """The results in order. Raises the exception of the first one that failed."""
    outcomes = await gather_outcomes(requests)
    try:
        return [_result(outcome) for outcome in outcomes]
    finally:
        del outcomes  # the traceback of what is raised refers to this frame: that would be a cycle


def _result(outcome: Result | BaseException) -> Result:
    try:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome
    finally:
        del outcome
