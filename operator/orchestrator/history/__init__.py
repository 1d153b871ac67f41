"""The history: executions that have ended, in a SQL database, for longer than the cluster keeps
them."""
