"""Many uids in one condition: as one parameter, however many they are."""

from __future__ import annotations

from collections.abc import Collection

import orjson
from sqlalchemy import ARRAY, ColumnElement, Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.history.tables import EXECUTIONS


def is_among(connection: AsyncConnection, uids: Collection[str]) -> ColumnElement[bool]:
    """Whether an execution of EXECUTIONS is one of these."""
    ordered = sorted(uids)
    if connection.dialect.name == "postgresql":
        listed = select(func.unnest(cast(ordered, ARRAY(Text))).column_valued("uid"))
    else:
        listed = select(func.json_each(orjson.dumps(ordered).decode()).table_valued("value"))
    return EXECUTIONS.c.uid.in_(listed)


async def recorded_among(connection: AsyncConnection, uids: Collection[str]) -> frozenset[str]:
    """Those of the executions that are recorded."""
    if not uids:
        return frozenset()
    query = select(EXECUTIONS.c.uid).where(is_among(connection, uids))
    return frozenset((await connection.scalars(query)).all())
