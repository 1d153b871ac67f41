"""Shared Hypothesis strategies: graphs of every shape, and the results of their Jobs."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from orchestrator.engine.graph import Graph
from orchestrator.engine.observed import AttemptState
from tests.builders import action, edge, graph
from tests.simulation.world import Result

OUTCOMES = ["Succeeded", "Failed", "Always"]


@st.composite
def graphs(draw: st.DrawFn, most_nodes: int = 9) -> Graph:
    """A graph without cycles, of nodes of every kind, with and without nodes of finally."""
    count = draw(st.integers(1, most_nodes))
    kinds = draw(
        st.lists(
            st.sampled_from(
                ["action"] * 4 + ["condition", "delay", "approval", "wait", "workflow", "fail"]
            ),
            min_size=count,
            max_size=count,
        )
    )
    nodes = [_node(draw, f"n{index}", kind) for index, kind in enumerate(kinds)]
    edges: list[dict[str, Any]] = []
    for target in range(1, count):
        for source in draw(st.sets(st.integers(0, target - 1), max_size=3)):
            outcome = draw(
                st.sampled_from(["Then", "Else"] if kinds[source] == "condition" else OUTCOMES)
            )
            when = (
                {"when": draw(st.sampled_from(["vars.yes", "vars.no"]))}
                if draw(st.integers(0, 4)) == 0
                else {}
            )
            edges.append(edge(f"n{source}", f"n{target}", outcome, **when))
    final = [_node(draw, f"f{index}", "action") for index in range(draw(st.integers(0, 2)))]
    fields: dict[str, Any] = draw(st.sampled_from([{}, {}, {"timeout": "10s"}]))
    fields = fields | draw(
        st.sampled_from([{}, {}, {"onFailure": "Stop"}, {"onFailure": "Cancel"}])
    )
    names = [node["name"] for node in final]
    return graph(*nodes, *final, edges=edges, finally_=names, finallyTimeout="5s", **fields)


def _node(draw: st.DrawFn, name: str, kind: str) -> dict[str, Any]:
    if kind == "condition":
        return {"name": name, "condition": draw(st.sampled_from(["vars.yes", "vars.no"]))}
    if kind == "fail":
        return {"name": name, "fail": draw(st.sampled_from(["no", "$[[ vars.yes ]]"]))}
    if kind == "delay":
        return {"name": name, "delay": draw(st.sampled_from(["500ms", "7s"]))}
    if kind == "approval":
        ask = {"approvers": ["user:ana"], "onTimeout": draw(st.sampled_from(["Fail", "Approve"]))}
        return {"name": name, "approval": ask, "timeout": "20s"}
    if kind == "wait":
        wait = draw(
            st.sampled_from([{"until": "vars.yes"}, {"until": "vars.no"}, {"signal": "go"}])
        )
        return {"name": name, "wait": wait, "timeout": "15s"}
    fields: dict[str, Any] = {}
    if kind == "action" and draw(st.integers(0, 5)) == 0:
        until = draw(st.sampled_from(["vars.yes", "vars.no"]))
        fields["repeat"] = {"until": until, "limit": 2, "delay": "1s"}
    if draw(st.booleans()):
        fields["retry"] = {"limit": draw(st.integers(0, 2))}
    if draw(st.integers(0, 4)) == 0:
        fields["allowFailure"] = True
    if draw(st.integers(0, 2)) == 0:
        fields["join"] = draw(st.sampled_from(["Any", "First"]))
    if draw(st.integers(0, 4)) == 0:
        fields["when"] = draw(st.sampled_from(["vars.yes", "vars.no"]))
    if kind == "workflow":
        return {"name": name, "workflow": {"name": "other"}, **fields}
    return action(name, **fields)


results = st.builds(
    Result,
    state=st.sampled_from(
        [AttemptState.SUCCEEDED] * 3 + [AttemptState.FAILED, AttemptState.TIMED_OUT]
    ),
    seconds=st.sampled_from([0.25, 1.0, 3.0]),
    permanent=st.booleans(),
)
