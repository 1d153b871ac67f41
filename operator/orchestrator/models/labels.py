"""The labels and annotations of what we make, each read by something: of Jobs and pods, of which
there are many, the API server pays for every one.

A label selects; an annotation says. A node's name may end in an underscore, which no label value
may, so it is an annotation.
"""

from __future__ import annotations

from orchestrator.models.base import GROUP

MANAGED_BY = "app.kubernetes.io/managed-by"
"""Label: who made it."""
MANAGER = "itechsmart-workflow"
"""The value of MANAGED_BY on everything of ours."""
EXECUTION_UID = f"{GROUP}/execution-uid"
"""Label: uid of the execution; what every watch selects by."""
PARENT_UID = f"{GROUP}/parent-uid"
"""Label of a sub-execution: uid of its parent."""
TRIGGER = f"{GROUP}/trigger-uid"
"""Label of an execution: uid of the Trigger that made it."""
EVENT = f"{GROUP}/event"
"""Label of an execution: hash of the identity of the event that started it."""
DEDUPE = f"{GROUP}/dedupe"
"""Label of an execution: hash of the Trigger's dedupe.key."""
WORKFLOW = f"{GROUP}/workflow"
"""Label: name of the Workflow."""
ALLOW_WORKFLOWS = f"{GROUP}/allow-workflows"
"""Label of a ServiceAccount: "true" lets actions use it."""

EXECUTION = f"{GROUP}/execution"
"""Annotation of a workspace's claim: name of the execution."""
NODE = f"{GROUP}/node"
"""Annotation of a Job: name of the node."""
ATTEMPT = f"{GROUP}/attempt"
"""Annotation of a Job: number of the attempt, from 1."""
EXAMPLE = f"{GROUP}/example"
"""Annotation of a Template: the spec of a Workflow that uses it, as YAML."""
