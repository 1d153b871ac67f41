"""What a pass decided is done: Jobs and sub-executions are created, controlled and stopped."""
