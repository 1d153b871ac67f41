"""The labels and annotations of the objects that the operator creates.

Each has a reader, since every label of the many Jobs and pods costs the API server time. Labels are
for selectors, annotations for other data. A node's name is an annotation, because it may end in an
underscore, which a label value may not.
"""

from __future__ import annotations

from orchestrator.models.base import GROUP

MANAGED_BY = "app.kubernetes.io/managed-by"
"""Label: the creator of the object."""
MANAGER = "itechsmart-workflow"
"""The value of MANAGED_BY on the objects of this project."""
EXECUTION_UID = f"{GROUP}/execution-uid"
"""Label: uid of the execution; every watch selects by it."""
PARENT_UID = f"{GROUP}/parent-uid"
"""Label of a sub-execution: uid of its parent."""
TRIGGER = f"{GROUP}/trigger-uid"
"""Label of an execution: uid of the Trigger that created it."""
EVENT = f"{GROUP}/event"
"""Label of an execution: hash of the identity of the event that started it."""
DEDUPE = f"{GROUP}/dedupe"
"""Label of an execution: hash of the Trigger's dedupe.key."""
RESTORED_FROM = f"{GROUP}/restored-from"
"""Label of an execution that `orchestrator restore` created: the uid that it had in the backup."""
WORKFLOW = f"{GROUP}/workflow"
"""Label: name of the Workflow."""
PATCHED_BY = f"{GROUP}/patched-by"
"""Annotation of an object: idempotency key of its last patch by the action patch."""
IMAGES = f"{GROUP}/images"
"""Annotation of a workload: the last change of its images by an action, as JSON: key and from."""
RUN_JOB = f"{GROUP}/run-job"
"""Label of a Job that the action run-job created: hash of the node's idempotency key."""
ALLOW_WORKFLOWS = f"{GROUP}/allow-workflows"
"""Label of a ServiceAccount: "true" lets actions use it."""

ROOT = f"{GROUP}/root-uid"
"""Label of an execution: uid of the execution at the root of its chain of triggers."""
NOT_BEFORE = f"{GROUP}/not-before"
"""Label of an execution over its Trigger's rateLimit: when it may start, in seconds since the
epoch."""
REQUEST_ID = f"{GROUP}/request-id"
"""Annotation of an execution that a person started through a Trigger: the id of the request."""
CHAIN = f"{GROUP}/chain"
"""Annotation of an object that an action wrote: the chain of triggers behind the action, which a
Trigger on the object's changes continues."""

TRACEPARENT = f"{GROUP}/traceparent"
"""Annotation of an execution: the W3C traceparent of the span that started it, whose trace it
continues."""

EXECUTION = f"{GROUP}/execution"
"""Annotation of a workspace's claim: name of the execution."""
NODE = f"{GROUP}/node"
"""Annotation of a Job: name of the node."""
ATTEMPT = f"{GROUP}/attempt"
"""Annotation of a Job: number of the attempt, from 1."""
EXAMPLE = f"{GROUP}/example"
"""Annotation of a Template: the spec of a Workflow that uses it, as YAML."""
