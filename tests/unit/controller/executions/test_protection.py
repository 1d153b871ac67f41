"""Reading the admission policies: freshly where people are heard, and once for all who ask."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import yaml

from orchestrator.controller.executions.admission.protection import ANSWER_SECONDS, Protection
from orchestrator.engine.people.protection import Policies
from orchestrator.engine.times import from_rfc3339
from orchestrator.kube.client import ApiClient, ApiError, Raw
from tests.apiserver import ApiServer, starting
from tests.service_accounts import INSTALL

CREATED = "2026-01-31T12:00:00Z"
PLURALS = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}


class Clock:
    """The operator's clock, which only tests move."""

    now = from_rfc3339(CREATED) + 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def protection(client: ApiClient, clock: Clock) -> Protection:
    return Protection(client, clock)


async def install(server: ApiServer, **metadata: Any) -> None:
    """The shipped policies, as if created or changed now."""
    for raw in yaml.safe_load_all((INSTALL / "policies.yaml").read_text()):
        fields = {"creationTimestamp": CREATED, "generation": 1, **metadata}
        name = raw["metadata"]["name"]
        await server.put(PLURALS[raw["kind"]], "", name, metadata=fields, spec=raw["spec"])


async def found(protection: Protection) -> Policies:
    policies = await protection.policies(fresh=True)
    assert policies is not None
    return policies


async def test_policies_that_are_missing_are_none(
    server: ApiServer, protection: Protection
) -> None:
    assert await protection.policies(fresh=True) is None
    await install(server)
    assert (await found(protection)).since == from_rfc3339(CREATED)


async def test_an_answer_is_good_for_two_seconds_and_a_fresh_one_is_read_again(
    server: ApiServer, protection: Protection, clock: Clock
) -> None:
    assert await protection.policies() is None
    await install(server)
    assert await protection.policies() is None
    assert await protection.policies(fresh=True) is not None
    await server.remove("validatingadmissionpolicybindings", "", "itechsmart-workflow-people")
    assert await protection.policies() is not None
    clock.now += ANSWER_SECONDS
    assert await protection.policies() is None


async def test_who_asks_while_one_is_read_shares_the_next(
    server: ApiServer, protection: Protection
) -> None:
    await install(server)
    first = asyncio.create_task(protection.policies(fresh=True))
    await server.until(lambda: True)
    await asyncio.sleep(0)  # the first has begun to read
    others = [asyncio.create_task(protection.policies(fresh=True)) for _ in range(50)]
    answers = await asyncio.gather(first, *others)
    assert len(set(answers)) == 1
    assert len(server.requests) <= 2 * 4


class _SecondReadFails(ApiClient):
    """The API server does not answer when the four objects are read for the second time."""

    asked = 0

    async def get(self, *of: Any, **options: Any) -> Raw:
        self.asked += 1
        if 4 < self.asked <= 8:
            raise ApiError(0, "NoAnswer", "the API server does not answer")
        return await super().get(*of, **options)


async def test_whoever_shares_a_read_that_fails_is_given_no_earlier_answer(
    server: ApiServer, client: ApiClient, clock: Clock
) -> None:
    await install(server)
    failing = _SecondReadFails(client.credentials)
    protection = Protection(failing, clock)
    fresh = (protection.policies(fresh=True) for _ in range(3))
    first, second, third = await asyncio.gather(*fresh, return_exceptions=True)
    assert isinstance(first, Policies)
    assert isinstance(second, ApiError)
    assert isinstance(third, ApiError)
    await server.remove("validatingadmissionpolicybindings", "", "itechsmart-workflow-people")
    assert await protection.policies() is None
    assert failing.asked == 12
    await failing.close()


async def test_edited_policies_count_since_they_were_first_seen_as_they_are(
    server: ApiServer, protection: Protection, clock: Clock
) -> None:
    await install(server, generation=2)
    before = await found(protection)
    assert (before.edited, before.since) == (True, clock.now)
    seen = clock.now
    clock.now += 500
    assert (await found(protection)) == before
    await install(server, generation=4)
    after = await found(protection)
    assert after.identity != before.identity
    assert (after.since, before.since) == (clock.now, seen)


async def test_policies_that_were_recreated_count_since_their_creation(
    server: ApiServer, protection: Protection
) -> None:
    await install(server)
    before = await found(protection)
    await server.remove("validatingadmissionpolicies", "", "itechsmart-workflow-status")
    assert await protection.policies(fresh=True) is None
    await install(server, creationTimestamp="2026-01-31T12:10:00Z")
    after = await found(protection)
    assert after.identity != before.identity
    assert (after.since, after.edited) == (before.since + 600, False)


async def test_edited_policies_are_seen_though_nothing_asks_for_them(
    server: ApiServer, protection: Protection, clock: Clock
) -> None:
    await install(server, generation=2)
    reading = asyncio.create_task(protection.run(0.01))
    await requests(server, 8)
    seen = clock.now
    clock.now += 500
    assert (await found(protection)).since == seen
    reading.cancel()


async def test_an_api_server_that_refuses_to_answer_does_not_end_the_reading(
    server: ApiServer, protection: Protection
) -> None:
    server.faults.extend(starting() for _ in range(8))
    reading = asyncio.create_task(protection.run(0.01))
    await requests(server, 24)
    assert not reading.done()
    reading.cancel()


async def requests(server: ApiServer, count: int) -> None:
    """Until so many have been made."""
    for _ in range(2000):
        if len(server.requests) >= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"only {len(server.requests)} requests")
