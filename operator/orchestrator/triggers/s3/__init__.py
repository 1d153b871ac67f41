"""The one request that a file watch makes to S3-compatible storage: signed, and its answer read.

docs/decisions/2026-11-29-listeners-of-the-receiver.md says why no library does it.
"""
