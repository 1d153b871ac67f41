"""When and how an execution's status is written."""
