"""The receiver: events from outside, over HTTP or from mailboxes, buckets and folders.

`receiver.py` puts its parts together. Requests go through `handler.py`; each kind of listener is a
driver in `listeners/`. Both read Triggers and Secrets, deliver events and report by `shared.py`.
"""
