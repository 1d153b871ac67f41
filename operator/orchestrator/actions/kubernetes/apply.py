"""apply: server-side apply of manifests."""

from __future__ import annotations

from orchestrator.actions.action import Action, Context, Family, Outputs
from orchestrator.actions.cluster import classify
from orchestrator.actions.kubernetes.manifests import (
    APPLY_RIGHTS,
    WithManifests,
    apply_one,
    plan,
    report,
)


class Apply(WithManifests):
    """Parameters of apply."""

    dry_run: bool = False
    """Whether the API server only checks the manifests and reports what they would change."""


class ManifestsApplied(Outputs):
    """Outputs of apply."""

    bulky = ("unchanged", "changed", "created")

    count: int
    """Number of objects that were applied."""
    created: list[str] = []
    """Objects that did not exist before, as Kind/name."""
    changed: list[str] = []
    """Objects that were changed, as Kind/name."""
    unchanged: list[str] = []
    """Objects that were already as their manifest, as Kind/name."""
    truncated: bool = False
    """Whether an output was truncated."""


def apply(parameters: Apply, context: Context) -> ManifestsApplied:
    """Applies manifests in their order, as kubectl apply --server-side does. It removes nothing
    that has left the manifests, and waits for nothing."""
    cluster = context.cluster()
    lists: dict[str, list[str]] = {"created": [], "changed": [], "unchanged": []}
    planned = plan(cluster, context, parameters)
    for each in planned:
        done = apply_one(cluster, each, parameters, dry_run=parameters.dry_run)
        report(done, context.log)
        state = "created" if done.before is None else "changed" if done.changed else "unchanged"
        lists[state].append(each.short)
    return ManifestsApplied(count=len(planned), **lists)


ACTION = Action(
    name="apply",
    title="Apply manifests",
    category="kubernetes",
    icon="file-plus",
    parameters=Apply,
    outputs=ManifestsApplied,
    run=apply,
    retries=(
        "Retried: no response, throttling, failures of the API server. Not retried: a kind that is "
        "not allowed, a manifest that the API server refuses, fields that other field managers "
        "own, missing permissions. A retry applies the same manifests again, which changes nothing "
        "that is already as they say; it reports those objects as unchanged."
    ),
    classify=classify,
    rights=APPLY_RIGHTS,
    family=Family.MANIFESTS,
    example="""
        nodes:
        - name: configure
          action: apply
          with:
            manifests:
            - apiVersion: v1
              kind: ConfigMap
              metadata: {name: settings}
              data: {level: debug}
    """,
)
