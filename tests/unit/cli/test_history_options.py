"""Options of the servers that use the database of the history."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli.main import app


@pytest.mark.parametrize("command", ["api", "recorder"])
def test_a_wrong_url_is_reported_with_the_option_that_gives_it(
    command: str, tmp_path: Path
) -> None:
    file = tmp_path / "database"
    file.write_text("mysql://db/history\n")
    for option, name in (
        (["--database=mysql://db/history"], "--database"),
        ([f"--database-file={file}"], f"--database-file {file}"),
    ):
        result = CliRunner().invoke(app, [command, *option])
        assert f"{name}: the database must be sqlite:///PATH or postgresql://" in str(
            result.output
        ) + str(result.exception)
