"""What every long-running process of ours has: its loop, tasks, work queue, log and probes."""
