"""`get`: objects by kind and name."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.listing import Query, list_kind, print_items, watch_items
from orchestrator.cli.listing_history import list_with_history
from orchestrator.cli.printing import list_of, read_format
from orchestrator.cli.terminal import say
from orchestrator.kube.resources import EXECUTIONS, Resource
from orchestrator.operations.records import is_from_history, removed
from orchestrator.session.errors import UsageError
from orchestrator.session.kinds import APPROVALS, kind_of, kinds_of


def get_objects(
    target: Target,
    word: str,
    names: Sequence[str],
    query: Query,
    output: str | None,
    *,
    watch: bool = False,
) -> int:
    """Print objects: those named, or all that are selected, of one or several kinds."""
    wanted = read_format(output)
    if word.lower() in APPROVALS:
        return _approvals(target, names, query, output, watch=watch)
    pairs = _pairs(word, names)
    named = [pair for pair in pairs if pair[1]]
    if named and (query.every or query.labels or query.fields):
        option = "-A" if query.every else "-l" if query.labels else "--field-selector"
        raise UsageError(f"{option} selects from all objects; leave out {named[0][1]}")
    if watch and len(pairs) > 1:
        raise UsageError("-w watches one kind, or one object of it; name one")
    cluster = target.connect()
    if watch:
        kind, name = pairs[0]
        if name:
            found = cluster.get(kind, name)
            if is_from_history(found):
                raise UsageError(f"-w: {removed(found)}, which does not change")
            name = found["metadata"]["name"]
            query = Query(fields=f"metadata.name={name}")
        return watch_items(cluster, kind, query, wanted)
    listed = [(kind, _items(cluster, kind, name, query)) for kind, name in pairs]
    if not wanted.table:
        items = [item for _, some in listed for item in some]
        wanted.show(items[0] if len(named) == len(pairs) == 1 else list_of(items))
        return 0
    tables = _by_kind(listed)
    for index, (kind, items) in enumerate(tables):
        if index:
            say()
        print_items(cluster, kind, items, query, wanted)
    return 0


def _pairs(word: str, names: Sequence[str]) -> list[tuple[Resource, str]]:
    """Each kind with the requested name, or without a name for all objects of the kind."""
    if "/" in word:
        words = [word, *names]
        bare = next((one for one in words if "/" not in one), None)
        if bare is not None:
            raise UsageError(f"{bare}: write KIND/NAME for each, or one kind and then names")
        split = [one.split("/", 1) for one in words]
        return [(kind_of(kind), name) for kind, name in split]
    kinds = kinds_of(word)
    if not kinds:
        raise UsageError("name a kind, such as workflows or executions")
    if names and len(kinds) > 1:
        raise UsageError(f"{names[0]}: write KIND/NAME where there are several kinds")
    return [(kinds[0], name) for name in names] if names else [(kind, "") for kind in kinds]


def _items(cluster: Cluster, kind: Resource, name: str, query: Query) -> list[Raw]:
    if name:
        return [cluster.get(kind, name)]
    if kind is EXECUTIONS:
        return list_with_history(cluster, query, fields=query.fields)
    return list_kind(cluster, kind, query)[0]


def _by_kind(found: Sequence[tuple[Resource, list[Raw]]]) -> list[tuple[Resource, list[Raw]]]:
    tables: dict[Resource, list[Raw]] = {}
    for kind, items in found:
        tables.setdefault(kind, []).extend(items)
    return list(tables.items())


def _approvals(
    target: Target, names: Sequence[str], query: Query, output: str | None, *, watch: bool
) -> int:
    if names:
        raise UsageError(f"approvals have no names; explain {names[0]} shows what it waits for")
    if watch:
        raise UsageError("approvals cannot be watched; watch their executions")
    from orchestrator.cli.getting_approvals import list_approvals

    return list_approvals(target, query, output)
