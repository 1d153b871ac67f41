"""The shell: watches, work queue, writes; carries out what the engine decides."""
