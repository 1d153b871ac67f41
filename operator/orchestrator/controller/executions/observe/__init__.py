"""What Jobs, pods and sub-executions have come to."""
