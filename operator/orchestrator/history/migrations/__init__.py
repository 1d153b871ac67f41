"""The migrations of the history's schema, which alembic runs."""
