"""The status of executions and definitions: read, and written as minimal patches."""
