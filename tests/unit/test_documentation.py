"""How the pages of the documentation are read, so that they can be run as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documentation import PAGES, Commands, File, is_printed, steps

PAGE = """\
Save this as `flow.yaml`:

```yaml
kind: Workflow
```

```sh exit=2
orchestrator apply -f flow.yaml
```

```text
error: no
```
"""


def test_files_commands_and_what_they_print_are_read_in_order() -> None:
    assert steps(PAGE) == [
        File("flow.yaml", "kind: Workflow\n"),
        Commands(7, "orchestrator apply -f flow.yaml\n", 2, "error: no\n"),
    ]


@pytest.mark.parametrize(
    "block", ["```yaml\nkind: Workflow\n```\n", "```console\n$ ls\n```\n", "```text\nyes\n```\n"]
)
def test_a_block_that_is_neither_saved_nor_typed_is_an_error(block: str) -> None:
    with pytest.raises(ValueError, match="is neither saved nor typed"):
        steps(block)


def test_an_option_of_commands_is_an_exit_code() -> None:
    with pytest.raises(ValueError, match="no exit=N"):
        steps("```sh fails\nfalse\n```\n")


def test_what_is_printed_may_differ_in_durations_columns_and_what_is_left_out() -> None:
    actual = "a run\n  2.1s  check     Succeeded 1.8s\nrun-1 Succeeded after 2m10s\n"
    assert is_printed("check Succeeded\nrun-1 Succeeded after 3.0s\n", actual)
    assert is_printed("run-1 … after\n", actual)
    assert not is_printed("run-1 Succeeded\ncheck Succeeded\n", actual)
    assert not is_printed("check Failed\n", actual)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_can_be_run(page: Path) -> None:
    typed = [step for step in steps(page.read_text()) if isinstance(step, Commands)]
    assert page.read_text().count("```sh") == len(typed)
