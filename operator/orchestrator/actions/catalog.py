"""The files generated from the shipped actions: Templates, the runner's role, the reference.

`python -m orchestrator.actions.catalog FOLDER` writes them into a checkout of the project. With
`--check` it reports which files are out of date, and problems of the Templates.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from orchestrator.actions import manifest, reference, role, shipped
from orchestrator.actions.registry import every

TEMPLATES = Path("manifests/catalog/actions")
WORKFLOWS = Path("manifests/catalog/workflows")
ROLE = Path("manifests/install/runner-rbac.yaml")
REFERENCE = Path("docs/reference/actions.md")
WORKFLOW_REFERENCE = Path("docs/reference/workflow-templates.md")
ROLES_PAGE = Path("docs/reference/roles.md")
"""A page with a generated section."""


def from_actions() -> dict[Path, str]:
    """The generated files by their path in the project."""
    actions = every()
    generated = {action.name: manifest.render(action) for action in actions}
    templates = {
        TEMPLATES / f"{name}.yaml": text
        for name, text in {**generated, **manifest.handwritten()}.items()
    }
    return {**templates, ROLE: role.render(actions)}


def main() -> int:
    """Write the files, or compare them with --check; returns 1 if a file differs or a Template is
    invalid."""
    parser = argparse.ArgumentParser(description="Generate the files of the shipped actions.")
    parser.add_argument("folder", type=Path, help="the project's folder")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on differences")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    stale = list(_updated(folder, from_actions(), check=arguments.check))
    actions, wrong = shipped.read_all(folder / TEMPLATES)
    unknown = sorted({each.name for each in actions} - manifest.templates().keys())
    wrong += [f"{folder / TEMPLATES / name}.yaml: belongs to no action" for name in unknown]
    workflows, more = shipped.read_all(folder / WORKFLOWS)
    wrong += more
    templates = {each.name: each.spec for each in actions}
    for where, found in ((TEMPLATES, actions), (WORKFLOWS, workflows)):
        for each in found:
            path = folder / where / f"{each.name}.yaml"
            wrong += [f"{path}: {problem}" for problem in shipped.problems(each, templates)]
    pages = {
        REFERENCE: reference.render_actions(actions),
        WORKFLOW_REFERENCE: reference.render_workflows(workflows),
        ROLES_PAGE: role.in_page((folder / ROLES_PAGE).read_text(encoding="utf-8"), every()),
    }
    stale += _updated(folder, pages, check=arguments.check)
    for path in stale if arguments.check else ():
        wrong.append(f"{path} is out of date: run `make generate`")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def _updated(folder: Path, files: dict[Path, str], *, check: bool) -> Iterator[Path]:
    """The files that differ; written unless `check` is true."""
    for name, text in files.items():
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
        yield path


if __name__ == "__main__":
    sys.exit(main())
