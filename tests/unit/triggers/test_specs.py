"""Parsed specs: a large one never blocks the event loop, and is parsed once for all callers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from orchestrator.controller.triggers.watch_driver import WatchDriver
from orchestrator.dispatch.compute import Inline, Result
from orchestrator.dispatch.deliverer import Deliverer
from orchestrator.dispatch.specs import Specs
from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiClient
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.triggers.registry import REGISTRY
from orchestrator.validation.size import LARGE_TEXT

KEY = ("team", "t")


class Held(Inline):
    """Holds long work until it is released."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.begun = 0

    async def run(self, work: Callable[[], Result], *, long: bool = False) -> Result:
        assert long
        self.begun += 1
        await self.released.wait()
        return work()


def trigger(text: str = "x" * LARGE_TEXT, generation: int = 1, **spec: Any) -> Raw:
    metadata = {"namespace": "team", "name": "t", "uid": "u", "generation": generation}
    spec = spec or {"execution": {"workflow": "built"}}
    return {"metadata": metadata, "spec": {"workflow": "main", "variables": {"a": text}, **spec}}


def ended(name: str, workflow: str) -> Raw:
    return {
        "metadata": {"namespace": "team", "name": name, "uid": f"uid-{name}"},
        "spec": {"workflow": workflow},
        "status": {"phase": "Succeeded", "finishedAt": "2026-12-01T00:00:00Z"},
    }


@pytest.fixture
async def held() -> Held:
    return Held()


@pytest.fixture
async def specs(held: Held) -> Specs:
    return Specs(REGISTRY, held)


async def test_a_small_spec_is_parsed_at_once(specs: Specs, held: Held) -> None:
    read = await specs.read(trigger("short"))
    assert read is not None
    assert read.type.key == "execution"
    assert held.begun == 0


async def test_a_large_spec_is_parsed_once_for_all_callers(specs: Specs, held: Held) -> None:
    callers = [asyncio.create_task(specs.read(trigger())) for _ in range(3)]
    await asyncio.sleep(0)
    callers.pop().cancel()  # its sender went away
    await asyncio.sleep(0)
    held.released.set()
    first, second = await asyncio.gather(*callers)
    assert first is second is specs.of(trigger())
    assert not specs.is_pending(trigger())
    assert held.begun == 1


async def test_a_spec_that_is_edited_while_it_is_parsed_is_parsed_again(
    specs: Specs, held: Held
) -> None:
    before = asyncio.create_task(specs.read(trigger()))
    await asyncio.sleep(0)
    edited = trigger(generation=2, manual={})
    after = asyncio.create_task(specs.read(edited))
    await asyncio.sleep(0)
    held.released.set()
    old, new = await asyncio.gather(before, after)
    assert (old and old.type.key, new and new.type.key) == ("execution", "manual")
    assert specs.of(edited) is new


async def test_nothing_is_kept_of_a_trigger_that_is_deleted_while_its_spec_is_parsed(
    specs: Specs, held: Held
) -> None:
    reading = asyncio.create_task(specs.read(trigger()))
    await asyncio.sleep(0)
    specs.forget(KEY)
    held.released.set()
    await reading
    assert specs.is_pending(trigger())


async def test_an_object_that_is_observed_while_a_spec_is_parsed_is_kept_for_its_trigger(
    specs: Specs, held: Held
) -> None:
    driver = WatchDriver(cast("ApiClient", None), REGISTRY, specs, cast("Deliverer", None))
    others = [trigger(schedule={"cron": "@daily"}), trigger()]
    assert driver.observe(EXECUTIONS, ended("a", "built"), others[:1]) == []
    assert driver.observe(EXECUTIONS, ended("b", "built"), others[1:]) == [KEY]
    held.released.set()
    await specs.read(trigger())
    assert driver.observe(EXECUTIONS, ended("c", "built"), others[1:]) == [KEY]
    assert driver.observe(EXECUTIONS, ended("d", "other"), others[1:]) == []
    assert held.begun == 1
