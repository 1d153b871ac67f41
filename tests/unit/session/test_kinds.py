"""The words by which commands know a kind."""

from __future__ import annotations

import pytest

from orchestrator.crds import KINDS as DEFINITIONS
from orchestrator.kube.resources import EXECUTIONS, KINDS, WORKFLOWS
from orchestrator.session.errors import UsageError
from orchestrator.session.kinds import kind_of


def test_the_kinds_are_those_of_the_custom_resources() -> None:
    assert [(kind.kind, kind.plural, kind.namespaced) for kind in KINDS] == [
        (kind.name, kind.plural, kind.namespaced) for kind in DEFINITIONS
    ]
    assert all(
        definition.short == kind.short for kind, definition in zip(KINDS, DEFINITIONS, strict=True)
    )


def test_a_kind_answers_to_what_people_call_it() -> None:
    assert [kind_of(word) for word in ("awf", "Workflow", "workflows")] == [WORKFLOWS] * 3
    assert [kind_of(word) for word in ("awfx", "execution", "executions")] == [EXECUTIONS] * 3


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("worklfows", "did you mean 'workflows'?"),
        ("zzz", "the kinds are workflows, workflowexecutions"),
    ],
)
def test_another_word_is_refused_with_the_nearest(word: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        kind_of(word)
    assert said in str(refused.value)
