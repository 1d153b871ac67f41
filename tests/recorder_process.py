"""The recorder as a separate process."""

from __future__ import annotations

from tests.kube import Operator


class RecorderProcess(Operator):
    """A recorder that can be killed."""

    COMMAND = "recorder"
