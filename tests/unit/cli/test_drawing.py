"""Graphs as Mermaid, DOT and SVG."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.drawing.layout import lay_out
from orchestrator.drawing.model import picture_of
from orchestrator.drawing.svg import to_svg
from orchestrator.drawing.text import to_dot, to_mermaid
from tests.kube import ROOT
from tests.unit.cli.conftest import CliEnvironment

SPEC: dict[str, Any] = {
    "nodes": [
        {"name": "check", "action": "http-request"},
        {"name": "healthy", "condition": "true"},
        {"name": "confirm", "approval": {"approvers": ["user:ana"]}},
        {"name": "end", "action": "local/say"},
        {"name": "page", "workflow": {"name": "page-people"}},
        {"name": "tidy", "delay": "30s"},
    ],
    "edges": [
        {"from": "check", "to": "healthy"},
        {"from": "healthy", "to": "confirm", "outcome": "Else"},
        {"from": "healthy", "to": "end"},
        {"from": "confirm", "to": "end", "when": 'nodes.check.outputs.x == "<a>"'},
        {"from": "check", "to": "page", "outcome": "Failed"},
    ],
    "finally": ["tidy"],
}
RECORDS = {"check": {"phase": "Succeeded"}, "confirm": {"phase": "Waiting"}}


def test_mermaid_names_kinds_and_conditions() -> None:
    lines = to_mermaid(picture_of("w", SPEC, RECORDS)).splitlines()
    assert lines[0] == "flowchart TD"
    assert '  n_check["check<br/>http-request"]' in lines
    assert '  n_healthy{"healthy<br/>condition"}' in lines
    assert '  n_end["end<br/>local/say"]' in lines
    assert '  n_page["page<br/>workflow page-people"]' in lines
    assert '  n_healthy -->|"Else"| n_confirm' in lines
    assert '  n_check -.->|"Failed"| n_page' in lines
    assert "  class n_check Succeeded" in lines
    assert "  class n_tidy final" in lines
    label = next(line for line in lines if "n_confirm -->" in line)
    assert not set('<>"') & set(label.split("|")[1].strip('"'))


def test_dot_quotes_what_it_holds() -> None:
    lines = to_dot(picture_of('a "graph"', SPEC, RECORDS)).splitlines()
    assert lines[0] == 'digraph "a \\"graph\\"" {'
    assert '  "check" -> "page" [label="Failed", style="dashed"]' in lines
    confirm = next(line for line in lines if line.startswith('  "confirm"'))
    assert confirm.startswith('  "confirm" [label="confirm\\napproval", shape="hexagon"')
    assert lines[-1] == "}"


def test_svg_shows_every_node_and_edge() -> None:
    root = ET.fromstring(to_svg(picture_of("w", SPEC, RECORDS)))  # noqa: S314 - made here
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"check", "http-request", "healthy", "confirm", "end", "page", "tidy"} <= set(texts)
    assert 'when nodes.check.outputs.x == "<a>"' in texts
    edges = [path for path in root.iter("{http://www.w3.org/2000/svg}path") if path.get("d")]
    assert sum("edge" in (edge.get("class") or "") for edge in edges) == len(SPEC["edges"])


EXAMPLES = sorted((ROOT / "manifests/examples").glob("*.yaml"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_no_two_nodes_of_an_example_overlap_and_edges_lead_down(example: Path) -> None:
    workflows = [
        raw for raw in yaml.safe_load_all(example.read_text()) if raw and raw["kind"] == "Workflow"
    ]
    for workflow in workflows:
        picture = picture_of("w", workflow["spec"])
        layout = lay_out(picture)
        for one, other in itertools.combinations(layout.places.values(), 2):
            beside = abs(one.x - other.x) * 2 >= one.width + other.width
            apart = abs(one.y - other.y) * 2 >= one.height + other.height
            assert beside or apart
        for path in layout.paths:
            assert path[0][1] < path[-1][1]
        for env in layout.places.values():
            assert env.x - env.width / 2 >= 0
            assert env.x + env.width / 2 <= layout.width


def test_a_large_graph_is_drawn() -> None:
    nodes = [{"name": f"n{index}", "delay": "1s"} for index in range(2000)]
    edges = [
        {"from": f"n{index}", "to": f"n{index + step}"} for index in range(1900) for step in (1, 50)
    ]
    drawn = to_svg(picture_of("large", {"nodes": nodes, "edges": edges}))
    assert drawn.count("<rect") == 2000


def test_an_execution_is_drawn_in_its_colours(env: CliEnvironment, tmp_path: Path) -> None:
    env.put("Workflow", "w", spec=SPEC)
    env.put("WorkflowExecution", "run", spec={"workflow": "w"}, status={"nodes": RECORDS})
    assert "classDef Succeeded" in env("graph", "awfx/run").out
    assert "classDef Succeeded" in env("graph", "@latest").out
    assert "classDef Succeeded" not in env("graph", "w").out
    target = tmp_path / "w.svg"
    assert env("graph", "w", "--format", "svg", "--output", str(target)).code == 0
    assert target.read_text().startswith("<svg ")


def test_a_file_is_drawn_without_a_cluster(env: CliEnvironment) -> None:
    example = str(ROOT / "manifests/examples/condition.yaml")
    assert env("graph", "-f", example).out.startswith("flowchart TD")
    assert "name a Workflow or awfx/EXECUTION" in env("graph").err
