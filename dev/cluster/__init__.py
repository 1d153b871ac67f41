"""A real Kubernetes control plane on a bare Linux machine, for development and tests.

`python -m dev.cluster up` starts it; `dev.cluster.api` does the same from Python. Kubernetes' own
components, built from their Go modules into one program (controlplane/), run as plain processes.
All state of an instance is in one folder, `.cluster/NAME`, and in a network namespace of its own,
so that several run side by side and `down` leaves nothing.
"""

from dev.cluster.errors import ClusterError
from dev.cluster.tools import kubectl

__all__ = ["ClusterError", "kubectl"]
