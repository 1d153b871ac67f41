"""Conformance of lists and watches: selectors, pages, versions and expiry."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.controller.informers import NOT_ENDED
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import CONFIG_MAPS, EVENTS, EXECUTIONS, PODS
from tests.conformance.api import Api, config_map, execution, refused, until


async def _phase(api: Api, name: str, phase: str) -> None:
    await api.patch(EXECUTIONS, name, {"status": {"phase": phase}}, "status")


class Watches:
    """Run against the fake, and against a real API server."""

    # Lists

    async def test_lists_select_by_labels(self, api: Api) -> None:
        await api.create(CONFIG_MAPS, config_map("a", {"of": "us", "n": "1"}))
        await api.create(CONFIG_MAPS, config_map("b", {"of": "us", "n": "2"}))
        await api.create(CONFIG_MAPS, config_map("c", {"of": "them"}))
        assert await api.names(CONFIG_MAPS, label_selector="n") == ["a", "b"]
        assert await api.names(CONFIG_MAPS, label_selector="of=us,n=2") == ["b"]
        assert await api.names(CONFIG_MAPS, label_selector="of=none") == []
        assert await api.names(CONFIG_MAPS, label_selector="of,n in (2,3)") == ["b"]

    async def test_lists_select_by_fields(self, api: Api) -> None:
        for name, workflow in (("a", "flow"), ("b", "flow"), ("c", "other"), ("new", "other")):
            await api.create(EXECUTIONS, execution(name, workflow))
        for name, phase in (("a", "Running"), ("b", "Succeeded"), ("c", "Failed")):
            await _phase(api, name, phase)
        assert await api.names(EXECUTIONS, field_selector="status.phase=Running") == ["a"]
        assert await api.names(EXECUTIONS, field_selector=NOT_ENDED) == ["a", "new"]
        both = "spec.workflow=flow,status.phase!=Running"
        assert await api.names(EXECUTIONS, field_selector=both) == ["b"]
        assert await api.names(EXECUTIONS, field_selector="metadata.name=c") == ["c"]

    async def test_events_are_found_by_what_they_are_about(self, api: Api) -> None:
        for name, kind in (("a", "Job"), ("b", "Pod")):
            event = {
                "apiVersion": "v1", "kind": "Event", "metadata": {"name": name},
                "type": "Warning", "reason": "FailedCreate", "message": "no",
                "involvedObject": {"kind": kind, "namespace": api.namespace, "uid": f"uid-{name}"},
            }  # fmt: skip
            await api.create(EVENTS, event)
        selector = "type=Warning,reason=FailedCreate,involvedObject.kind=Job"
        assert await api.names(EVENTS, field_selector=selector) == ["a"]

    async def test_what_cannot_be_selected_by_is_refused(self, api: Api) -> None:
        with refused(400, "BadRequest", r"status\.reason"):
            await api.names(EXECUTIONS, field_selector="status.reason=R")
        with refused(400, "BadRequest", r"status\.phase"):
            await api.names(CONFIG_MAPS, field_selector="status.phase=R")

    async def test_pages_are_one_list_of_one_moment(self, api: Api) -> None:
        for number in range(5):
            await api.create(CONFIG_MAPS, config_map(f"map-{number}", {"of": "us"}, n="0"))
        pages = api.client.pages(CONFIG_MAPS, api.namespace, label_selector="of", limit=2)
        first = await anext(pages)
        await api.client.delete(CONFIG_MAPS, api.namespace, "map-3")
        await api.patch(CONFIG_MAPS, "map-4", {"data": {"n": "1"}})
        await api.create(CONFIG_MAPS, config_map("map-9", {"of": "us"}))
        rest = [page async for page in pages]
        names = [item["metadata"]["name"] for page in (first, *rest) for item in page["items"]]
        assert names == [f"map-{number}" for number in range(5)]
        assert rest[-1]["items"][0]["data"] == {"n": "0"}
        version = first["metadata"]["resourceVersion"]
        assert {page["metadata"]["resourceVersion"] for page in rest} == {version}
        async with api.following(CONFIG_MAPS, version, label_selector="of") as watch:
            told = [await watch.next() for _ in range(3)]
        assert told == [("DELETED", "map-3"), ("MODIFIED", "map-4"), ("ADDED", "map-9")]

    async def test_metadata_alone_is_listed(self, api: Api) -> None:
        await api.create(CONFIG_MAPS, config_map("a", {"of": "us"}, n="0"))
        items, version = await api.client.list(
            CONFIG_MAPS, api.namespace, label_selector="of", metadata_only=True
        )
        assert [(item["metadata"]["name"], "data" in item) for item in items] == [("a", False)]
        assert int(version) > 0
        one = await api.client.get(CONFIG_MAPS, api.namespace, "a", metadata_only=True)
        assert one["kind"] == "PartialObjectMetadata"
        assert one["metadata"]["uid"] == items[0]["metadata"]["uid"]

    @pytest.mark.parametrize("metadata_only", [False, True])
    async def test_where_there_is_nothing_the_list_is_empty(
        self, api: Api, metadata_only: bool
    ) -> None:
        items, version = await api.client.list(
            EXECUTIONS, api.namespace, metadata_only=metadata_only
        )
        assert items == []
        assert int(version) > 0

    # Watches

    async def test_a_watch_tells_what_happens_after_a_version(self, api: Api) -> None:
        await api.create(CONFIG_MAPS, config_map("before"))
        version = await api.version(CONFIG_MAPS)
        made = await api.create(CONFIG_MAPS, config_map("x"))
        async with api.following(CONFIG_MAPS, version) as watch:
            assert (await watch.event())["object"] == made  # in spite of beginning after it
            patched = await api.patch(CONFIG_MAPS, "x", {"data": {"n": "1"}})
            changed = await watch.event()
            assert (changed["type"], changed["object"]) == ("MODIFIED", patched)
            await api.client.delete(CONFIG_MAPS, api.namespace, "x")
            deleted = await watch.event()
        assert (deleted["type"], deleted["object"]["data"]) == ("DELETED", {"n": "1"})
        last = int(deleted["object"]["metadata"]["resourceVersion"])
        assert last > int(patched["metadata"]["resourceVersion"])

    async def test_a_watch_goes_on_where_another_ended(self, api: Api) -> None:
        version = await api.version(CONFIG_MAPS)
        for name in ("a", "b", "c"):
            await api.create(CONFIG_MAPS, config_map(name))
        async with api.following(CONFIG_MAPS, version) as watch:
            assert await watch.next() == ("ADDED", "a")
            seen = (await watch.event())["object"]["metadata"]["resourceVersion"]
        async with api.following(CONFIG_MAPS, seen) as watch:
            assert await watch.next() == ("ADDED", "c")

    async def test_what_leaves_a_selection_is_deleted_what_enters_added(self, api: Api) -> None:
        await api.create(EXECUTIONS, execution("x"))
        await _phase(api, "x", "Running")
        version = await api.version(EXECUTIONS)
        selection = {"field_selector": NOT_ENDED}
        async with api.following(EXECUTIONS, version, **selection) as watch:
            await _phase(api, "x", "Paused")
            assert await watch.next() == ("MODIFIED", "x")
            await _phase(api, "x", "Succeeded")
            left = await watch.event()
            assert (left["type"], left["object"]["status"]["phase"]) == ("DELETED", "Paused")
            stored = await api.get(EXECUTIONS, "x")
            versions = [raw["metadata"]["resourceVersion"] for raw in (left["object"], stored)]
            assert versions[0] == versions[1]
            await api.client.delete(EXECUTIONS, api.namespace, "x")  # no longer of the selection
            await api.create(EXECUTIONS, execution("y"))
            assert await watch.next() == ("ADDED", "y")
        async with api.following(
            EXECUTIONS, version, field_selector="status.phase=Succeeded"
        ) as watch:
            assert await watch.next() == ("ADDED", "x")
            assert await watch.next() == ("DELETED", "x")

    async def test_a_watch_selects_by_labels(self, api: Api) -> None:
        version = await api.version(CONFIG_MAPS)
        await api.create(CONFIG_MAPS, config_map("other"))
        await api.create(CONFIG_MAPS, config_map("x", {"of": "us"}))
        async with api.following(CONFIG_MAPS, version, label_selector="of=us") as watch:
            assert await watch.next() == ("ADDED", "x")
            await api.patch(CONFIG_MAPS, "x", {"metadata": {"labels": {"of": None}}})
            assert await watch.next() == ("DELETED", "x")
            await api.patch(CONFIG_MAPS, "other", {"metadata": {"labels": {"of": "us"}}})
            assert await watch.next() == ("ADDED", "other")

    async def test_a_watch_of_metadata_tells_only_that(self, api: Api) -> None:
        version = await api.version(CONFIG_MAPS)
        await api.create(CONFIG_MAPS, config_map("x", n="1"))
        async with api.following(CONFIG_MAPS, version, metadata_only=True) as watch:
            event = await watch.event()
        assert event["object"]["kind"] == "PartialObjectMetadata"
        assert event["object"]["metadata"]["name"] == "x"
        assert "data" not in event["object"]

    async def test_a_bookmark_a_minute_moves_a_silent_watch_on(self, api: Api) -> None:
        version = await api.version(EXECUTIONS)
        await api.create(EXECUTIONS, execution("not-selected"))
        async with api.following(
            EXECUTIONS, version, field_selector="metadata.name=none", timeout_seconds=200
        ) as watch:
            coming = asyncio.create_task(watch.event(bookmarks=True))
            await asyncio.sleep(2.0)
            # An API server whose cache has only been filled says nothing before its first event.
            await api.create(EXECUTIONS, execution("not-selected-either"))
            event = await coming
        assert event["type"] == "BOOKMARK"
        moved = event["object"]["metadata"]["resourceVersion"]
        assert int(moved) > int(version)
        await api.create(EXECUTIONS, execution("later"))
        async with api.following(EXECUTIONS, moved) as watch:
            assert await watch.next() == ("ADDED", "later")

    async def test_a_watch_ends_when_its_time_is_over(self, api: Api) -> None:
        version = await api.version(CONFIG_MAPS)
        async with (
            asyncio.timeout(60),
            api.following(CONFIG_MAPS, version, timeout_seconds=2) as watch,
        ):
            events = [event async for event in watch.stream]
        assert {event["type"] for event in events} <= {"BOOKMARK"}

    async def test_a_watch_from_too_long_ago_has_expired(self, api: Api) -> None:
        with pytest.raises(ApiError) as expired:
            async with api.following(EXECUTIONS, "1") as watch:
                await watch.event()
        assert (expired.value.status, expired.value.reason) == (410, "Expired")

    async def test_pending_pods_are_found_by_their_phase(self, api: Api) -> None:
        assert await api.names(PODS, field_selector="status.phase=Pending") == []
        nowhere = {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"},
            "spec": {"containers": [{"name": "c", "image": "i"}], "nodeSelector": {"no": "where"}},
        }  # fmt: skip
        await api.create(PODS, nowhere)
        await until(lambda: api.names(PODS, field_selector="status.phase=Pending"), bool)
        ended = "status.phase!=Pending,status.phase!=Running"
        assert await api.names(PODS, field_selector=ended) == []
