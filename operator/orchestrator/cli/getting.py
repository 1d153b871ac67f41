"""`get`: what there is, as a table or whole."""

from __future__ import annotations

from orchestrator.cli.connection import Target
from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import APPROVALS, kind_of
from orchestrator.cli.printing import check, name_of, now, print_object, print_table, rows
from orchestrator.cli.terminal import say


def get_objects(
    target: Target, word: str, name: str | None, *, every: bool, output: str | None
) -> int:
    """Print one object or all of a kind."""
    check(output)
    if word.lower() in APPROVALS:
        if name is not None:
            raise UsageError(f"approvals have no names; explain {name} shows what it waits for")
        from orchestrator.cli.getting_approvals import list_approvals

        return list_approvals(target, every=every, output=output)
    kind = kind_of(word)
    if name is not None and every:
        raise UsageError(f"-A lists; to get {name}, name its namespace with -n")
    cluster = target.connect()
    if name is not None:
        found = cluster.get(kind, name)
        if output in ("json", "yaml", "name"):
            print_object(found, output)
            return 0
        items = [found]
    else:
        listed = cluster.list(kind, every=every)
        items = listed["items"]
    match output:
        case "name":
            for item in items:
                say(name_of(item))
        case "json" | "yaml":
            print_object({"apiVersion": "v1", "kind": "List", "items": items}, output)
        case _ if not items:
            where = "" if every or not kind.namespaced else f" in namespace {cluster.namespace}"
            say(f"there are no {kind.plural}{where}")
        case _:
            header, cells = rows(kind.name, items, wide=output == "wide", every=every, now=now())
            print_table(header, cells)
    return 0
