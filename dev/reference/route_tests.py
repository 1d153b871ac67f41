"""The page of the tests that prove the routes of the REST API."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from dev.proof.route_rights import OPEN, RIGHTS
from dev.proof.routes import declared_routes, served
from dev.reference.markdown import code, page, table
from orchestrator.api.application import PREFIX

_WHAT = """\
The {count} routes of [the REST API](api.md), below `{prefix}`: the rights that each takes in the
namespace, and the tests that prove its behaviour, on a real API server. `make test` fails if a test
in this table did not receive a successful answer from its route.

`cluster/test_api_rights.py` checks the rights: each route answers a user who has exactly those of
this table, and refuses one who lacks any of them. `cluster/test_api_openapi.py` compares the
answers of all routes with `openapi.json`. These tests send requests to every route, and prove none
in this table.

Routes that list several namespaces take the right in each; without `namespace`, in all of them. A
uid as `{{id}}` takes the right to list. Templates are read in a namespace with the rights below,
and a name without a namespace is a ClusterTemplate, which each user of the cluster may read. Lists
of Templates, actions and action types show what the user may list. `import` creates what does not
exist, and patches the rest. The graph of an execution is that of its revision for users who may
`get controllerrevisions`, who then need not read the Workflow.
"""
_HEADER = ("Route", "What it does", "Rights", "Tests")


def route_tests() -> str:
    """A row for each route."""
    routes, tests = served(), defaultdict[str, list[str]](list)
    for proof in declared_routes():
        tests[proof.route].append(code(proof.test.removeprefix("tests/").replace("::", " ")))
    rows = [
        (code(route), _first_sentence(described), _rights(route), ", ".join(tests[route]))
        for route, described in routes.items()
    ]
    what = _WHAT.format(count=len(routes), prefix=PREFIX)
    return page("Tests of the REST API", what, table(_HEADER, rows))


def _first_sentence(described: Mapping[str, Any]) -> str:
    words = " ".join(described["description"].split())
    return re.split(r"(?<=\.) (?=[A-Z])", words)[0]


def _rights(route: str) -> str:
    if route in OPEN:
        return "none, without a token"
    return ", ".join(map(code, RIGHTS[route])) or "none, a user of the cluster"
