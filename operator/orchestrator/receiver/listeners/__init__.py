"""Listeners: what the receiver reads itself, such as mailboxes, buckets and folders.

`supervisor.py` runs one task for each trigger whose claim (`claims.py`) this replica holds; the
task runs the type's driver (`registry.py`), again and again with a backoff.
"""
