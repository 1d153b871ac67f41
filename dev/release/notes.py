"""The notes of a release: its section of the changelog."""

from __future__ import annotations

import re


class NotesError(Exception):
    """The changelog has no section for the version, or an empty one."""


def notes_of(changelog: str, version: str) -> str:
    """The text of the section `## VERSION`, without its heading.

    Raises NotesError where there is none.
    """
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    for section in sections:
        heading, _, text = section.partition("\n")
        if heading.split(" ")[0] == version:
            if not text.strip():
                raise NotesError(f"CHANGELOG.md: the section {version} is empty")
            return text.strip() + "\n"
    raise NotesError(f"CHANGELOG.md has no section for {version}; add `## {version}`")
