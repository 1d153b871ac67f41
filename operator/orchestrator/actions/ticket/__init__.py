"""Actions on tickets in other services."""
