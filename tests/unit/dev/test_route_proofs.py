"""Each route of the REST API has tests that prove it, and the rights that it takes."""

from __future__ import annotations

from pathlib import Path

from dev.proof.declared import ROOT
from dev.proof.route_rights import OPEN, RIGHTS
from dev.proof.routes import (
    RouteProof,
    declared_routes,
    served,
    unanswered,
    undeclared_routes,
)
from dev.proof.run import Run
from tests import route_coverage

EVERY_ROUTE = ("tests/cluster/test_api_rights.py", "tests/cluster/test_api_openapi.py")
"""Files that send requests to all routes, whatever the routes do."""


def test_each_of_at_least_sixty_routes_is_proven_by_a_test_of_its_own() -> None:
    routes, proofs = list(served()), declared_routes()
    assert len(routes) >= 60
    assert list(undeclared_routes(routes, proofs)) == []
    assert not [proof for proof in proofs if proof.test.startswith(EVERY_ROUTE)]


def test_each_route_has_its_rights_or_is_open() -> None:
    assert [route for route in served() if route in RIGHTS] == list(RIGHTS)
    assert set(served()) - set(RIGHTS) == OPEN


def test_the_page_has_the_rights_and_the_tests_of_a_route() -> None:
    page = (ROOT / "docs/reference/api-routes.md").read_text()
    assert f"The {len(served())} routes" in page
    (line,) = [one for one in page.splitlines() if one.startswith("| `DELETE /workflows/{id}` |")]
    assert "`get workflows`, `delete workflows`" in line
    assert "`cluster/test_api.py test_a_workflow_is_created_changed_copied_and_deleted`" in line


def test_a_declaration_is_read_from_the_test_without_importing_it(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_x.py").write_text(
        "import gone\n"
        '@pytest.mark.routes("GET /a", "POST /a")\n'
        '@pytest.mark.parametrize("x", [1])\n'
        "def test_one(): ...\n"
        '@pytest.mark.routes("GET /b")\n'
        "async def test_two(): ...\n"
    )
    assert declared_routes(folder) == [
        RouteProof("GET /a", "tests/test_x.py::test_one"),
        RouteProof("POST /a", "tests/test_x.py::test_one"),
        RouteProof("GET /b", "tests/test_x.py::test_two"),
    ]


def test_a_route_without_a_test_and_a_test_without_an_answer_are_named() -> None:
    proofs = [RouteProof("GET /a", "tests/test_x.py::test_one")]
    assert list(undeclared_routes(["GET /a"], proofs)) == []
    assert list(undeclared_routes(["GET /b"], proofs)) == [
        "GET /b: no test has it in its mark routes",
        "tests/test_x.py::test_one: its mark routes has GET /a, which is no route of the API",
    ]
    run = Run("2026-11-30", "", [])
    (said,) = unanswered(proofs, run)
    assert said.startswith("tests/test_x.py::test_one: declares GET /a")
    run.add_routes("tests/test_x.py::test_one", ["GET /b"])
    run.add_routes("tests/test_x.py::test_one", ["GET /a"])
    assert run.answered == {"tests/test_x.py::test_one": ["GET /a", "GET /b"]}
    assert list(unanswered(proofs, run)) == []


def test_only_successful_answers_count_and_each_for_its_route() -> None:
    route_coverage.take()
    route_coverage.record("GET", "/automation/workflows/shop:w/nodes/a", 200)
    route_coverage.record("POST", "/automation/workflows/validate", 200)
    route_coverage.record("GET", "/automation/login", 303)
    route_coverage.record("GET", "/automation/triggers", 403)
    route_coverage.record("GET", "/other", 200)
    route_coverage.record("GET", "/automation/openapi.json", 200)
    assert route_coverage.take() == [
        "GET /login", "GET /workflows/{id}/nodes/{node}", "POST /workflows/validate",
    ]  # fmt: skip
    assert route_coverage.take() == []
