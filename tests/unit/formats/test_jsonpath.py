"""JSONPath templates print what kubectl's documentation says of them."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.formats.jsonpath import JsonPathError, read_path, read_template

LIST: dict[str, Any] = {
    "kind": "List",
    "items": [
        {
            "metadata": {"name": "first", "labels": {"app.kubernetes.io/part": "a"}},
            "status": {"phase": "Failed", "count": 3, "nodes": {"x": {"phase": "Succeeded"}}},
        },
        {
            "metadata": {"name": "second"},
            "status": {"phase": "Succeeded", "count": 12, "done": True},
        },
    ],
}


@pytest.mark.parametrize(
    ("template", "printed"),
    [
        ("{.kind}", "List"),
        ("{.kind} is {.items[0].metadata.name}!", "List is first!"),
        (".kind", "List"),
        ("kind", "List"),
        ("{$.kind}", "List"),
        ("{['kind']}", "List"),
        ("{.items[*].metadata.name}", "first second"),
        ("{.items[*]['metadata.name', 'status.phase']}", "first second Failed Succeeded"),
        (r"{.items[0].metadata.labels['app\.kubernetes\.io/part']}", "a"),
        ("{.items[0]['metadata']['name']}", "first"),
        ("{.items[0].status['phase', 'count']}", "Failed 3"),
        ("{.items[-1].metadata.name}", "second"),
        ("{.items[0,1].status.count}", "3 12"),
        ("{.items[0:1].metadata.name}", "first"),
        ("{.items[-1:].metadata.name}", "second"),
        ("{.items[::2].metadata.name}", "first"),
        ("{..phase}", "Failed Succeeded Succeeded"),
        ("{.items[*].status.*}", "{x}"),
        (r"{.items[0].metadata.labels.app\.kubernetes\.io/part}", "a"),
        ('{.items[?(@.status.phase=="Failed")].metadata.name}', "first"),
        ("{.items[?(@.status.phase!='Failed')].metadata.name}", "second"),
        ("{.items[?(@.status.count>3)].metadata.name}", "second"),
        ("{.items[?(@.status.count >= 3)].metadata.name}", "first second"),
        ("{.items[?(@.status.done==true)].metadata.name}", "second"),
        ("{.items[?(@.status.done)].metadata.name}", "second"),
        ("{.items[?(@.status.phase>3)].metadata.name}", ""),
        (
            '{range .items[*]}{.metadata.name}{"\\t"}{.status.phase}{"\\n"}{end}',
            "first\tFailed\nsecond\tSucceeded\n",
        ),
        ("{range .items[*]}[{range .status.nodes.*}{.phase}{end}]{end}", "[Succeeded][]"),
        ('{"}"}{.nothing.at.all}', "}"),
        ("{.items[0].status.nodes}", '{"x":{"phase":"Succeeded"}}'),
        ("{.items[1].status.done}", "true"),
        ("{.items[7].kind}", ""),
    ],
)
def test_a_template_prints_what_it_picks(template: str, printed: str) -> None:
    if printed == "{x}":
        printed = 'Failed 3 {"x":{"phase":"Succeeded"}} Succeeded 12 true'
    assert read_template(template).expand(LIST) == printed


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{.a", "{ without }"),
        ("{range .items[*]}{.a}", "{range …} without {end}"),
        ("{.a}{end}", "{end} without {range …}"),
        ("{.items[}", "an index is expected"),
        ("{.items[0}", "] is expected"),
        ("{.items[::0]}", "at least 1"),
        ("{.items[?(@.a==1]}", ") is expected"),
        ("{.a b}", "unexpected 'b'"),
        ("{a.b}", "a path begins with a dot"),
        ("{.a..}", "a field is expected"),
        ("{'a}", "{ without }"),
    ],
)
def test_a_template_that_is_wrong_is_said_to_be(template: str, said: str) -> None:
    with pytest.raises(JsonPathError) as refused:
        read_template(template)
    assert said in str(refused.value)


def test_a_path_to_sort_by_needs_no_braces() -> None:
    item = LIST["items"][1]
    for path in ("{.status.count}", ".status.count", "status.count"):
        assert read_path(path).values(item, item) == [12]
