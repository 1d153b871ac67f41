"""Paths inside the execution's workspace."""

from __future__ import annotations

from pathlib import Path

from orchestrator.actions.action import ActionError, Context


def in_workspace(context: Context, path: str, parameter: str) -> Path:
    """A path below $WORKSPACE, links resolved.

    Raises a permanent ActionError if the workflow has no workspace, or the path leads out of it.
    """
    workspace = context.environ.get("WORKSPACE")
    if not workspace:
        raise ActionError(
            f"{parameter} is a path in the workspace, which the workflow does not have: set "
            "spec.workspace",
            permanent=True,
        )
    root = Path(workspace).resolve()
    target = (root / path).resolve()
    if not target.is_relative_to(root):
        raise ActionError(f"{parameter} {path!r} leads out of the workspace", permanent=True)
    return target


def read_from(context: Context, path: str, parameter: str) -> Path:
    """As `in_workspace`, for a file that must exist."""
    file = in_workspace(context, path, parameter)
    if not file.is_file():
        raise ActionError(f"{parameter}: the workspace has no file {path!r}", permanent=True)
    return file


def written_to(context: Context, path: str, parameter: str) -> Path:
    """As `in_workspace`, for a file to write; its folder is made."""
    file = in_workspace(context, path, parameter)
    if file.is_dir():
        raise ActionError(f"{parameter}: {path!r} is a folder of the workspace", permanent=True)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ActionError(
            f"{parameter}: the folder of {path!r} cannot be made: {error.strerror}", permanent=True
        ) from None
    return file
