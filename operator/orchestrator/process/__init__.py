"""The parts of every server process: event loop, tasks, work queue, log and probes."""
