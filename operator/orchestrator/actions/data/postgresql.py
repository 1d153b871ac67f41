"""Parameters of actions that connect to PostgreSQL, and the classification of its errors."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, SecretStr

from orchestrator.actions.action import ActionError, Parameters
from orchestrator.actions.sending import refuses_tls
from orchestrator.models.base import HOST_PATTERN, Duration, Model

TRANSIENT_CLASSES = ("08", "40", "53", "58")
"""Classes of SQLSTATE that are retried: connection, rollback of a transaction, resources, system
(PostgreSQL, appendix A)."""
TRANSIENT_STATES = ("55P03", "57014", "57P01", "57P02", "57P03")
"""Further states that are retried: a lock or statement that took too long, a server that is
starting or shutting down."""
Value = str | int | float | bool | list[Any] | dict[str, Any] | None
"""A value for a placeholder."""


class TlsMode(StrEnum):
    """As sslmode of PostgreSQL's own clients."""

    VERIFY_FULL = "verify-full"
    REQUIRE = "require"
    DISABLE = "disable"


class Database(Parameters):
    """A database, and how it is entered."""

    host: Annotated[str, Field(pattern=HOST_PATTERN, max_length=253)]
    """Name or address of the server."""
    port: Annotated[int, Field(ge=1, le=65535)] = 5432
    """Port of the server."""
    database: Annotated[str, Field(pattern=r"^[^\x00]+$", max_length=63)]
    """Name of the database."""
    user: Annotated[str, Field(pattern=r"^[^\x00]+$", max_length=63)]
    """User of the database."""
    password: SecretStr | None = None
    """Password of the user."""
    tls_mode: TlsMode = TlsMode.VERIFY_FULL
    """Whether the connection is encrypted, and the server's certificate and name are verified."""
    ca_certificate: str = ""
    """PEM certificates to trust in addition to the public ones."""
    timeout: Duration = "1m"
    """Maximum total time, which the server is asked to keep too."""

    @property
    def address(self) -> str:
        """The database for messages."""
        return f"{self.database} on {self.host}:{self.port}"


class Statement(Model):
    """A statement with values for its placeholders."""

    sql: Annotated[str, Field(min_length=1, max_length=65536)]
    args: Annotated[list[Value], Field(max_length=100)] = []


def classify(error: Exception) -> ActionError | None:
    """The error of a database as an ActionError; None for other errors.

    The details that the server adds contain values of rows, so they are left out.
    """
    import ssl

    import asyncpg

    match error:
        case asyncpg.PostgresError():
            state = error.sqlstate or ""
            transient = state.startswith(TRANSIENT_CLASSES) or state in TRANSIENT_STATES
            return ActionError(f"{error.args[0]} (SQLSTATE {state})", permanent=not transient)
        case asyncpg.InterfaceError():
            return ActionError(f"{error.args[0]}", permanent=not _connection_is_lost(error))
        case ssl.SSLError():
            reason = getattr(error, "verify_message", "") or error.reason or str(error)
            return ActionError(
                f"TLS with the database failed: {reason}", permanent=refuses_tls(error)
            )
        case TimeoutError():
            return ActionError("the database did not answer within the timeout")
        case OSError():
            message = str(error)
            return ActionError(
                f"cannot reach the database: {message}",
                permanent="rejected SSL upgrade" in message,
            )
    return None


def _connection_is_lost(error: Exception) -> bool:
    return "connection" in str(error) and "closed" in str(error)
