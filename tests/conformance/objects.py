"""Conformance of objects: names, versions, preconditions, patches, owners and validation."""

from __future__ import annotations

from orchestrator.engine.times import from_rfc3339
from orchestrator.kube.resources import (
    CONFIG_MAPS,
    CONTROLLER_REVISIONS,
    EXECUTIONS,
)
from tests.conformance.api import Api, config_map, execution, owned_by, refused, until

OTHER_UID = "00000000-0000-4000-8000-000000000000"


class Objects:
    """Run against the fake, and against a real API server."""

    # Names

    async def test_the_server_says_who_an_object_is(self, api: Api) -> None:
        manifest = execution("x")
        manifest["metadata"]["uid"] = "mine"
        made = await api.create(EXECUTIONS, manifest)
        metadata = made["metadata"]
        assert metadata["uid"] != "mine"
        assert metadata["namespace"] == api.namespace
        assert metadata["generation"] == 1
        assert from_rfc3339(metadata["creationTimestamp"]) > 1_600_000_000
        assert int(metadata["resourceVersion"]) > 0
        assert await api.get(EXECUTIONS, "x") == made

    async def test_defaults_are_filled_in_and_a_status_is_not_created(self, api: Api) -> None:
        manifest = {**execution("x"), "status": {"phase": "Succeeded"}}
        made = await api.create(EXECUTIONS, manifest)
        assert made["spec"]["desiredState"] == "Running"
        assert "status" not in made

    async def test_a_name_that_is_taken_is_refused(self, api: Api) -> None:
        await api.create(CONFIG_MAPS, config_map("x"))
        with refused(409, "AlreadyExists", "x"):
            await api.create(CONFIG_MAPS, config_map("x", other="data"))

    async def test_a_name_that_is_taken_again_has_another_uid(self, api: Api) -> None:
        first = await api.create(CONFIG_MAPS, config_map("x"))
        await api.client.delete(CONFIG_MAPS, api.namespace, "x")
        second = await api.create(CONFIG_MAPS, config_map("x"))
        assert first["metadata"]["uid"] != second["metadata"]["uid"]

    async def test_a_generated_name_begins_as_asked(self, api: Api) -> None:
        manifest = config_map("")
        manifest["metadata"] = {"generateName": "some-"}
        made = [await api.create(CONFIG_MAPS, manifest) for _ in range(2)]
        names = {raw["metadata"]["name"] for raw in made}
        assert len(names) == 2
        assert all(name.startswith("some-") for name in names)

    async def test_what_is_not_there_is_not_found(self, api: Api) -> None:
        with refused(404, "NotFound", "x"):
            await api.get(EXECUTIONS, "x")
        with refused(404, "NotFound", "x"):
            await api.patch(EXECUTIONS, "x", {"spec": {"desiredState": "Paused"}})
        with refused(404, "NotFound", "x"):
            await api.patch(EXECUTIONS, "x", {"status": {"phase": "Running"}}, "status")
        with refused(404, "NotFound", "x"):
            await api.client.delete(EXECUTIONS, api.namespace, "x")

    # Patches

    async def test_a_merge_patch_sets_replaces_and_removes(self, api: Api) -> None:
        await api.create(CONFIG_MAPS, config_map("x", kept="1", changed="1", gone="1"))
        patch = {"metadata": {"labels": {"a": "b"}}, "data": {"changed": "2", "gone": None}}
        patched = await api.patch(CONFIG_MAPS, "x", patch)
        assert patched["data"] == {"kept": "1", "changed": "2"}
        assert patched["metadata"]["labels"] == {"a": "b"}
        again = await api.patch(CONFIG_MAPS, "x", {"metadata": {"labels": {"a": None}}})
        assert not again["metadata"].get("labels")

    async def test_a_null_is_kept_by_a_json_patch_and_dropped_by_a_merge_patch(
        self, api: Api
    ) -> None:
        made = await api.create(EXECUTIONS, execution("x", variables={"a": None, "b": {"c": None}}))
        assert made["spec"]["variables"] == {"a": None, "b": {"c": None}}
        outputs = {"null": None, "deep": {"null": None, "list": [None, {"null": None}]}}
        merge = {"status": {"phase": "Running", "outputs": outputs}}
        merged = await api.patch(EXECUTIONS, "x", merge, "status")
        assert "null" not in merged["status"]["outputs"]
        assert "null" not in merged["status"]["outputs"]["deep"]
        version = merged["metadata"]["resourceVersion"]
        record = {"phase": "Succeeded", "outputs": outputs}
        patch = [
            {"op": "add", "path": "/metadata/uid", "value": made["metadata"]["uid"]},
            {"op": "add", "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": "/status/outputs", "value": outputs},
            {"op": "add", "path": "/status/variables", "value": outputs},
            {"op": "add", "path": "/status/active", "value": None},
            {"op": "add", "path": "/status/phase", "value": None},
            {"op": "add", "path": "/status/nodes", "value": {"a": record}},
            {"op": "add", "path": "/status/nodes/b", "value": record},
        ]
        patched = await api.patch(EXECUTIONS, "x", patch, "status")
        nodes = {"a": record, "b": record}
        assert patched["status"] == {"outputs": outputs, "variables": outputs, "nodes": nodes}
        assert await api.get(EXECUTIONS, "x") == patched
        with refused(409, "Conflict", "x"):
            await api.patch(EXECUTIONS, "x", patch, "status")
        with refused(422, "Invalid", ""):
            nowhere = [{"op": "add", "path": "/status/settled/at", "value": "x"}]
            await api.patch(EXECUTIONS, "x", nowhere, "status")

    async def test_a_status_may_be_begun_by_a_json_patch(self, api: Api) -> None:
        await api.create(EXECUTIONS, execution("x"))
        status = {"phase": "Running", "outputs": {"null": None}}
        patch = [{"op": "add", "path": "/status", "value": status}]
        assert (await api.patch(EXECUTIONS, "x", patch, "status"))["status"] == status
        with refused(422, "Invalid", ""):
            await api.create(EXECUTIONS, execution("y"))
            await api.patch(EXECUTIONS, "y", [{**patch[0], "path": "/status/phase"}], "status")

    async def test_a_null_is_kept_by_server_side_apply(self, api: Api) -> None:
        data = {"null": None, "deep": {"null": None, "list": [None, {"null": None}]}}
        manifest = {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {"name": "x"},
            "revision": 1,
            "data": data,
        }
        made = await api.client.apply(
            CONTROLLER_REVISIONS, api.namespace, manifest, field_manager="tests"
        )
        assert made["data"] == data

    async def test_a_merge_patch_replaces_lists_whole(self, api: Api) -> None:
        await api.create(EXECUTIONS, execution("x"))
        condition = {
            "type": "Complete", "status": "True", "reason": "R", "message": "m",
            "lastTransitionTime": "2024-01-01T00:00:00Z",
        }  # fmt: skip
        for kind in ("Complete", "Other"):
            status = {"conditions": [{**condition, "type": kind}]}
            stored = await api.patch(EXECUTIONS, "x", {"status": status}, "status")
        assert [item["type"] for item in stored["status"]["conditions"]] == ["Other"]

    async def test_a_patch_that_changes_nothing_leaves_the_version(self, api: Api) -> None:
        made = await api.create(EXECUTIONS, execution("x"))
        version = made["metadata"]["resourceVersion"]
        same = await api.patch(EXECUTIONS, "x", {"spec": {"workflow": "flow"}})
        assert same["metadata"]["resourceVersion"] == version
        status = {"status": {"phase": "Running"}}
        first = await api.patch(EXECUTIONS, "x", status, "status")
        second = await api.patch(EXECUTIONS, "x", status, "status")
        assert version != first["metadata"]["resourceVersion"]
        assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]

    async def test_status_and_spec_are_written_apart(self, api: Api) -> None:
        await api.create(EXECUTIONS, execution("x"))
        both = {"spec": {"desiredState": "Paused"}, "status": {"phase": "Running"}}
        first = await api.patch(EXECUTIONS, "x", both, "status")
        assert (first["spec"]["desiredState"], first["status"]["phase"]) == ("Running", "Running")
        assert first["metadata"]["generation"] == 1
        both["status"]["phase"] = "Paused"
        second = await api.patch(EXECUTIONS, "x", both)
        assert (second["spec"]["desiredState"], second["status"]["phase"]) == ("Paused", "Running")
        assert second["metadata"]["generation"] == 2
        named = await api.patch(EXECUTIONS, "x", {"metadata": {"labels": {"a": "b"}}})
        assert named["metadata"]["generation"] == 2

    async def test_a_status_keeps_what_a_patch_does_not_name(self, api: Api) -> None:
        await api.create(EXECUTIONS, execution("x"))
        nodes = {"a": {"phase": "Running"}, "b": {"phase": "Pending"}}
        status = {"phase": "Running", "message": "m", "nodes": nodes}
        await api.patch(EXECUTIONS, "x", {"status": status}, "status")
        change = {"message": None, "nodes": {"a": {"phase": "Succeeded"}}}
        stored = await api.patch(EXECUTIONS, "x", {"status": change}, "status")
        assert stored["status"] == {
            "phase": "Running",
            "nodes": {"a": {"phase": "Succeeded"}, "b": {"phase": "Pending"}},
        }

    async def test_a_patch_answers_with_metadata_where_that_is_asked(self, api: Api) -> None:
        await api.create(EXECUTIONS, execution("x"))
        status = {"status": {"phase": "Running"}}
        answer = await api.client.patch(
            EXECUTIONS, api.namespace, "x", status, subresource="status", metadata_only=True
        )
        assert answer["kind"] == "PartialObjectMetadata"
        assert not {"spec", "status"} & set(answer)
        stored = await api.get(EXECUTIONS, "x")
        assert answer["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]

    # Guards

    async def test_a_patch_of_an_old_version_conflicts(self, api: Api) -> None:
        made = await api.create(EXECUTIONS, execution("x"))
        old = made["metadata"]["resourceVersion"]
        status = {"metadata": {"resourceVersion": old}, "status": {"phase": "Running"}}
        await api.patch(EXECUTIONS, "x", status, "status")
        with refused(409, "Conflict"):
            await api.patch(EXECUTIONS, "x", {**status, "status": {"phase": "Paused"}}, "status")
        with refused(409, "Conflict"):
            guarded = {"metadata": {"resourceVersion": old}, "spec": {"desiredState": "Paused"}}
            await api.patch(EXECUTIONS, "x", guarded)
        assert (await api.get(EXECUTIONS, "x"))["status"] == {"phase": "Running"}

    async def test_a_uid_guards_the_spec_by_being_immutable(self, api: Api) -> None:
        made = await api.create(EXECUTIONS, execution("x"))
        change = {"spec": {"desiredState": "Paused"}}
        with refused(422, "Invalid", r"metadata\.uid"):
            await api.patch(EXECUTIONS, "x", {"metadata": {"uid": OTHER_UID}, **change})
        version = {"resourceVersion": made["metadata"]["resourceVersion"]}
        with refused(422, "Invalid", r"metadata\.uid"):
            await api.patch(EXECUTIONS, "x", {"metadata": {"uid": OTHER_UID, **version}, **change})
        own = {"metadata": {"uid": made["metadata"]["uid"], **version}, **change}
        assert (await api.patch(EXECUTIONS, "x", own))["spec"]["desiredState"] == "Paused"
        with refused(409, "Conflict"):
            await api.patch(EXECUTIONS, "x", {**own, "spec": {"desiredState": "Running"}})

    async def test_a_uid_guards_no_status_only_the_version_does(self, api: Api) -> None:
        made = await api.create(EXECUTIONS, execution("x"))
        status = {"status": {"phase": "Running"}}
        other = {"metadata": {"uid": OTHER_UID}, **status}
        stored = await api.patch(EXECUTIONS, "x", other, "status")
        assert stored["status"] == {"phase": "Running"}
        assert stored["metadata"]["uid"] == made["metadata"]["uid"]
        await api.client.delete(EXECUTIONS, api.namespace, "x")
        await api.create(EXECUTIONS, execution("x"))
        gone = {field: stored["metadata"][field] for field in ("uid", "resourceVersion")}
        with refused(409, "Conflict"):
            await api.patch(EXECUTIONS, "x", {"metadata": gone, **status}, "status")

    async def test_a_deletion_is_guarded_by_uid_and_version(self, api: Api) -> None:
        made = await api.create(CONFIG_MAPS, config_map("x", n="1"))
        uid, version = made["metadata"]["uid"], made["metadata"]["resourceVersion"]
        await api.patch(CONFIG_MAPS, "x", {"data": {"n": "2"}})
        with refused(409, "Conflict"):
            await api.client.delete(CONFIG_MAPS, api.namespace, "x", uid=OTHER_UID)
        with refused(409, "Conflict"):
            await api.client.delete(
                CONFIG_MAPS, api.namespace, "x", uid=uid, resource_version=version
            )
        await api.client.delete(CONFIG_MAPS, api.namespace, "x", uid=uid)
        assert await api.names(CONFIG_MAPS, field_selector="metadata.name=x") == []

    # Refusals

    async def test_what_lacks_what_it_must_have_is_invalid(self, api: Api) -> None:
        manifest = execution("x")
        del manifest["spec"]["workflow"]
        with refused(422, "Invalid", r"spec\.workflow"):
            await api.create(EXECUTIONS, manifest)

    async def test_what_was_asked_for_does_not_change(self, api: Api) -> None:
        await api.create(EXECUTIONS, execution("x"))
        with refused(422, "Invalid", "workflow"):
            await api.patch(EXECUTIONS, "x", {"spec": {"workflow": "other"}})
        await api.patch(EXECUTIONS, "x", {"spec": {"desiredState": "Cancelled"}})
        for state in ("Running", "Paused", None):
            with refused(422, "Invalid"):
                await api.patch(EXECUTIONS, "x", {"spec": {"desiredState": state}})
        await api.patch(EXECUTIONS, "x", {"spec": {"desiredState": "Terminated"}})

    async def test_data_that_is_immutable_stays(self, api: Api) -> None:
        await api.create(CONFIG_MAPS, {**config_map("x", n="1"), "immutable": True})
        with refused(422, "Invalid", "immutable"):
            await api.patch(CONFIG_MAPS, "x", {"data": {"n": "2"}})

    async def test_a_revision_is_applied_again_but_never_changes(self, api: Api) -> None:
        manifest = {
            "apiVersion": "apps/v1", "kind": "ControllerRevision",
            "metadata": {"name": "x", "namespace": api.namespace, "labels": {"a": "b"}},
            "data": {"spec": {"n": 1}}, "revision": 1,
        }  # fmt: skip

        async def applied(data: object) -> dict[str, object]:
            raw = await api.client.apply(
                CONTROLLER_REVISIONS, api.namespace, {**manifest, "data": data},
                field_manager="tests",
            )  # fmt: skip
            metadata: dict[str, object] = raw["metadata"]
            return metadata

        first = await applied({"spec": {"n": 1}})
        assert (await applied({"spec": {"n": 1}})) == first
        with refused(422, "Invalid", "immutable"):
            await applied({"spec": {"n": 2}})
        marked = {"metadata": {"uid": first["uid"], "annotations": {"mark": "now"}}}
        await api.patch(CONTROLLER_REVISIONS, "x", marked)
        kept = await applied({"spec": {"n": 1}})
        assert kept["annotations"] == {"mark": "now"}
        stored = await api.get(CONTROLLER_REVISIONS, "x")
        assert stored["data"] == {"spec": {"n": 1}}

    # Owners

    async def test_what_an_execution_owns_goes_with_it(self, api: Api) -> None:
        parent = await api.create(EXECUTIONS, execution("parent"))
        child = await api.create(EXECUTIONS, owned_by(parent, execution("child")))
        await api.create(CONFIG_MAPS, owned_by(child, config_map("of-the-child")))
        await api.create(CONFIG_MAPS, config_map("of-nobody"))
        await api.client.delete(EXECUTIONS, api.namespace, "parent", propagation="Background")
        await until(lambda: api.gone(EXECUTIONS, "child"), bool)
        await until(lambda: api.gone(CONFIG_MAPS, "of-the-child"), bool)
        assert not await api.gone(CONFIG_MAPS, "of-nobody")

    async def test_what_is_made_for_an_owner_that_is_gone_goes_too(self, api: Api) -> None:
        parent = await api.create(EXECUTIONS, execution("parent"))
        await api.client.delete(EXECUTIONS, api.namespace, "parent")
        await api.create(CONFIG_MAPS, owned_by(parent, config_map("late")))
        await until(lambda: api.gone(CONFIG_MAPS, "late"), bool)
