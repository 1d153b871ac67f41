"""Names of Jobs: readable, and the same for the same attempt in every process."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache

MAX_NAME_LENGTH = 63
"""A Job's name is a label value on its pods."""
MAX_INDEX = len("-9999")
"""An Indexed Job's name and the largest index of its pods are one label value together."""


@lru_cache(maxsize=20_000)
def job_name(
    workflow: str,
    node: str,
    execution_uid: str,
    attempt: int,
    salt: int = 0,
    *,
    indexed: bool = False,
) -> str:
    """The name of an attempt's Job or sub-execution: a readable prefix and 128 bits of a hash.

    Two attempts never share a name, and one attempt never has two: this makes creating a Job again
    harmless. `salt` is 0 unless another execution has the name: any user who may create executions
    can compute it, and must not be able to fail the node by taking it. `indexed` leaves room for
    the largest index.
    """
    identity = f"{execution_uid}/{node}/{attempt}" + (f"/{salt}" if salt else "")
    digest = hashlib.blake2b(identity.encode(), digest_size=16).digest()
    suffix = base64.b32encode(digest).decode().rstrip("=").lower()
    readable = re.sub(r"[^a-z0-9]+", "-", f"{workflow[:18]}-{node}".lower())
    room = MAX_NAME_LENGTH - (MAX_INDEX if indexed else 0)
    prefix = readable[: room - len(suffix) - 1].strip("-")
    return f"{prefix}-{suffix}"
