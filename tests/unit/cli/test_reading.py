"""YAML that cannot be JSON, said in one line; none of it hangs or is passed on."""

from __future__ import annotations

import pytest

from orchestrator.cli.reading import NotReadableError, read_yaml

BILLIONS = "a0: &a0 [1, 2, 3]\n" + "\n".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 10)
)


def test_the_documents_are_read_as_kubectl_reads_them() -> None:
    text = "a: 2026-01-31\nb: &x {c: 1.5}\nd: *x\non: no\n---\n[null]"
    assert list(read_yaml(text)) == [
        {"a": "2026-01-31", "b": {"c": 1.5}, "d": {"c": 1.5}, True: False},
        [None],
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "this is not YAML: "),
        ("a: 1\na: 2", "the key 'a' stands there twice"),
        ("? {a: 1}\n: 2", "unhashable key"),
        ("a: !!python/object:os.system {}", "could not determine a constructor"),
        ("a: [{b: .nan}]", "a[0].b: nan is no number that JSON knows; quote it"),
        ("a: -.inf", "a: -inf is no number that JSON knows"),
        ("a: {.inf: 1}", "a: inf is no number that JSON knows"),
        ("a: !!binary aGk=", "a: JSON knows no bytes; write a string"),
        ("a: !!set {b}", "a: JSON knows no set"),
        ('a: "\\ud800"', "a: this is not Unicode"),
        ("a: &a [*a]", "is nested more than 100 deep"),
        ("[" * 5000, "this is not YAML: maximum recursion depth exceeded"),
        (BILLIONS, "it holds more than 500000 values"),
    ],
)
def test_what_json_cannot_say_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(NotReadableError) as refused:
        list(read_yaml(text))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
