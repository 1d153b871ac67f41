"""Every reason that a status, a condition or an Event of ours carries, and what to do about it.

The reference page of reasons is generated from this module, and `orchestrator explain` quotes it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Subject(StrEnum):
    """What carries a reason."""

    NODE = "node"
    EXECUTION = "execution"
    DEFINITION = "definition"
    """A Workflow, Template, ClusterTemplate, Trigger or Incident, in its conditions."""


_NODE = (Subject.NODE,)
_EXECUTION = (Subject.EXECUTION,)
_NODE_AND_EXECUTION = (Subject.NODE, Subject.EXECUTION)
_EXECUTION_AND_DEFINITION = (Subject.EXECUTION, Subject.DEFINITION)

_NOTHING = "Nothing."


class Reason(StrEnum):
    """A reason in the status of an execution or of one of its nodes, or in a condition."""

    _value_: str
    meaning: str
    """What it says, in a sentence or two."""
    remedy: str
    """What the person on call can do."""
    subjects: tuple[Subject, ...]
    """What carries it."""

    def __new__(
        cls, value: str, meaning: str, remedy: str, subjects: tuple[Subject, ...] = _NODE
    ) -> Self:
        reason = str.__new__(cls, value)
        reason._value_ = value
        reason.meaning = meaning
        reason.remedy = remedy
        reason.subjects = subjects
        return reason

    # A node that has not ended
    STARTING = (
        "Starting",
        "The operator has decided to start the node and creates its Job or sub-execution.",
        "Nothing: this takes less than a second. If it stays, read the operator's log.",
    )
    JOB_CREATED = (
        "JobCreated",
        "The node's Job exists; nothing is known about its pod yet.",
        "Nothing. If it stays, see `kubectl describe job` for the Job in the node's status.",
    )
    BACKOFF = (
        "Backoff",
        "An attempt failed; the next one starts at `retryAt`.",
        "Nothing: the message says why the last attempt failed.",
    )
    DELAYED = (
        "Delayed",
        "The delay of the node has not passed yet.",
        _NOTHING,
    )
    IMAGE_PULL = (
        "ImagePull",
        "The kubelet cannot pull the image. The node fails with this reason after `startTimeout`.",
        "Make the registry reachable, or add its Secret. After a correction of the image's name or "
        "of `spec.pod.imagePullSecrets`, cancel the execution and run it again: it keeps the "
        "Template and the Workflow that it started with.",
    )
    UNSCHEDULABLE = (
        "Unschedulable",
        "No node of the cluster can take the pod. The node fails with this reason after "
        "`startTimeout`.",
        "Add capacity. After a change of the requests in the Template, of `spec.pod.nodeSelector` "
        "or of `spec.pod.tolerations`, cancel the execution and run it again.",
    )
    QUOTA_EXCEEDED = (
        "QuotaExceeded",
        "A ResourceQuota of the namespace refuses the Job, its pod or the sub-execution. The "
        "operator tries again until `startTimeout`.",
        "Delete what is not needed or raise the quota: `kubectl describe quota`.",
    )
    SERVICE_ACCOUNT_MISSING = (
        "ServiceAccountMissing",
        "The service account that the action names does not exist. The operator tries again until "
        "`startTimeout`.",
        "Create the service account and label it with the commands in the message.",
    )
    INJECTED_CONTAINER = (
        "InjectedContainer",
        "A container that an admission webhook added to the pod keeps the action from starting.",
        "Repair the injected container, or exclude the pods of workflows from the injection, for "
        "example with a label or annotation in `spec.pod`.",
    )
    CONTAINER_CANNOT_START = (
        "ContainerCannotStart",
        "The kubelet cannot create or start the container, for example because its command or a "
        "volume is missing.",
        "Correct the command, the security context or the volumes in the Template, cancel the "
        "execution and run it again.",
    )
    NODE_NOT_READY = (
        "NodeNotReady",
        "The cluster node on which the pod runs does not report any more. While the pod might "
        "still run, no other attempt starts: the attempt ends when the cluster node confirms the "
        "eviction, when it is deleted, or when `timeout` is over.",
        "Bring the cluster node back. If it is certainly off, `kubectl delete node` ends the "
        "attempt.",
    )
    SECRET_MISSING = (
        "SecretMissing",
        "A Secret or ConfigMap that the container needs, or a key in it, does not exist. Of a "
        "Trigger: a Secret with which the receiver verifies requests or logs in.",
        "Create it with the command in the message.",
        (Subject.NODE, Subject.DEFINITION),
    )
    POD_REFUSED = (
        "PodRefused",
        "The Job exists, but the API server refuses its pod, for example by Pod Security or a "
        "webhook.",
        "Make the pod comply with the rule that the message names, in the Template or in "
        "`spec.pod`.",
    )
    AWAITING_APPROVAL = (
        "AwaitingApproval",
        "Not enough people have decided yet.",
        "Decide with `orchestrator approve` or `orchestrator reject`; `orchestrator get approvals` "
        "shows who is asked.",
    )
    APPROVALS_UNPROTECTED = (
        "ApprovalsUnprotected",
        "The admission policies that verify who decides are not in place, so no decision counts.",
        "Ask a cluster administrator to apply the policies of the installation and their "
        "bindings, and decide again.",
    )
    SIGNALS_UNPROTECTED = (
        "SignalsUnprotected",
        "The admission policies that verify who sends signals are not in place, so no signal "
        "counts.",
        "Ask a cluster administrator to apply the policies of the installation and their "
        "bindings, and send the signal again.",
    )
    AWAITING_SIGNAL = (
        "AwaitingSignal",
        "The signal that the node waits for has not been sent yet.",
        "Send it with `orchestrator signal`.",
    )
    AWAITING_CONDITION = (
        "AwaitingCondition",
        "The condition that the node waits for does not hold yet.",
        "Nothing: the condition is evaluated at each change and every ten seconds.",
    )
    REPEATING = (
        "Repeating",
        "An iteration of a `repeat` has ended; the next one starts at `retryAt`.",
        _NOTHING,
    )
    SUB_WORKFLOW_CREATED = (
        "SubWorkflowCreated",
        "The sub-execution exists and has not ended.",
        "Nothing. `orchestrator explain` on the sub-execution says what it waits for.",
    )

    # A node that failed
    FAILED = (
        "Failed",
        "The container ended with an exit code other than 0.",
        "Read `orchestrator logs` for the node; the exit code is in its status.",
    )
    TIMED_OUT = (
        "TimedOut",
        "The attempt ran, or the node waited, longer than the node's timeout.",
        "Find out what took so long, or raise the node's `timeout`.",
    )
    NEVER_STARTED = (
        "NeverStarted",
        "The action did not start within `startTimeout`, and nothing reports why.",
        "Check the Events of the Job and its pod, and the load of the scheduler and the "
        "kubelets. Raise `startTimeout` if pods start slowly here.",
    )
    DISRUPTED = (
        "Disrupted",
        "The pod was evicted, preempted or lost with its cluster node.",
        "Run it again. With `retry.limit`, disruptions are retried without `retry.reasons`.",
    )
    POD_DELETED = (
        "PodDeleted",
        "The pod was deleted by others before its action had ended.",
        "Find out who deletes pods in the namespace, and run it again.",
    )
    OUTPUTS_INVALID = (
        "OutputsInvalid",
        "The outputs are not a JSON object, or not what the Template declares.",
        "Make the action write what the message asks for to `$OUTPUTS`, or correct the outputs "
        "in the Template.",
    )
    OUTPUTS_TOO_LARGE = (
        "OutputsTooLarge",
        "The outputs exceed the 4,096 bytes that the kubelet keeps, or 32 KiB for a fan-out.",
        "Write less to `$OUTPUTS`: store large results elsewhere and output where they are.",
    )
    OUTPUTS_LOST = (
        "OutputsLost",
        "The attempt succeeded, but its pod was removed by others before its outputs were stored.",
        "Find out what removes ended pods. The action has done its work: check whether it can be "
        "run again.",
    )
    NAME_TAKEN = (
        "NameTaken",
        "A Job, execution or ControllerRevision of the name that is needed exists and belongs to "
        "something else.",
        "Delete the object that the message names, and run it again.",
        _NODE_AND_EXECUTION,
    )
    JOB_REFUSED = (
        "JobRefused",
        "The API server refuses the Job.",
        "Correct what the message names, in the Template or in the policies of the cluster.",
    )
    JOB_DELETED = (
        "JobDeleted",
        "The Job was deleted by others before it ended.",
        "Find out who deletes Jobs in the namespace, and run it again.",
    )
    SERVICE_ACCOUNT_NOT_ALLOWED = (
        "ServiceAccountNotAllowed",
        "The service account does not carry the label that allows workflows to use it.",
        "Ask its owner to label it with the command in the message, or use another one.",
    )
    PARAMS_TOO_LARGE = (
        "ParamsTooLarge",
        "The parameters exceed the 120 KiB that a container's environment can take.",
        "Pass a reference instead of the content, for example a URL or the name of a ConfigMap.",
    )
    INVALID_PARAMETERS = (
        "InvalidParameters",
        "The rendered parameters are not what the Template declares.",
        "Correct the value at the path in the message.",
    )
    EXPRESSION_ERROR = (
        "ExpressionError",
        "An expression cannot be evaluated, or does not yield the type that its place requires.",
        "Correct the expression at the path in the message; `default()` covers what may be absent.",
        _NODE_AND_EXECUTION,
    )
    EXPRESSION_TOO_COSTLY = (
        "ExpressionTooCostly",
        "An expression takes more work than a single evaluation may.",
        "Simplify the expression, or compute the value in an action.",
        _NODE_AND_EXECUTION,
    )
    TOO_COSTLY = (
        "TooCostly",
        "All expressions of one reconciliation together take more work than it may.",
        "Simplify the expressions, or split the workflow into sub-workflows.",
        _NODE_AND_EXECUTION,
    )
    STATUS_BUDGET = (
        "StatusBudget",
        "The outputs would exceed what a status can hold.",
        "Output less, or store large results elsewhere and output where they are.",
        _NODE_AND_EXECUTION,
    )
    REPEAT_LIMIT = (
        "RepeatLimit",
        "The last iteration of a `repeat` ended, and its `until` does not hold.",
        "Find out why the condition is not reached, or raise `repeat.limit`.",
    )
    FAIL_NODE = (
        "FailNode",
        "The workflow ends this path as a failure by a `fail` node; the message is the node's own.",
        "See the nodes before it: what led to it is the failure.",
    )
    REJECTED = (
        "Rejected",
        "Someone who may decide rejected the approval.",
        "Read the comment in `spec.decisions`, or ask who rejected it.",
    )
    APPROVAL_TIMED_OUT = (
        "ApprovalTimedOut",
        "Not enough people who may decide did so in time.",
        "Run it again from this node, and notify the approvers.",
    )
    REQUESTER_UNKNOWN = (
        "RequesterUnknown",
        "The approval excludes the requester, and who requested the execution is unknown.",
        "Start the execution again, with the policies of the installation in place.",
    )
    DEPTH_EXCEEDED = (
        "DepthExceeded",
        "Sub-workflows are nested more than 8 deep.",
        "Flatten the workflows: a sub-workflow probably starts itself through another one.",
    )
    SUB_WORKFLOW_REFUSED = (
        "SubWorkflowRefused",
        "The API server refuses the sub-execution.",
        "Correct what the message names, for example the variables or a policy of the cluster.",
    )
    SUB_WORKFLOW_FAILED = (
        "SubWorkflowFailed",
        "The sub-execution failed.",
        "See `orchestrator explain` for the sub-execution in the node's status.",
    )
    SUB_WORKFLOW_CANCELLED = (
        "SubWorkflowCancelled",
        "The sub-execution was cancelled, or its concurrency policy forbade it.",
        "See `orchestrator explain` for the sub-execution in the node's status.",
    )
    SUB_WORKFLOW_DELETED = (
        "SubWorkflowDeleted",
        "The sub-execution was deleted by others before it ended.",
        "Find out who deletes executions in the namespace, and run it again.",
    )
    TOO_MANY_ITEMS = (
        "TooManyItems",
        "A `forEach` has more items than allowed, or its items exceed 8 MiB together.",
        "Split the list, or pass a reference for each item instead of its content.",
    )
    ITEMS_FAILED = (
        "ItemsFailed",
        "More items of a `forEach` failed than `maxFailed` allows.",
        "`failed` in the node's status lists the items; read `orchestrator logs` for the node.",
    )
    FINALLY_TIMED_OUT = (
        "FinallyTimedOut",
        "The nodes of `finally` ran longer than `finallyTimeout`.",
        "Find out what took so long, or raise `finallyTimeout`.",
        _NODE_AND_EXECUTION,
    )

    # A node that succeeded
    REUSED = (
        "Reused",
        "The node did not run: its outputs are those of the execution that this one reruns.",
        _NOTHING,
    )

    # A node that was skipped or cancelled
    BRANCH_NOT_CHOSEN = (
        "BranchNotChosen",
        "No edge to the node was taken, or its `when` is false.",
        "Nothing. `orchestrator explain` says which edge asked for what.",
    )
    BLOCKED = (
        "Blocked",
        "A node that it depends on failed, was cancelled or is itself blocked.",
        "See the node that the message names. `join: Any` starts a node where only one of "
        "its branches must succeed.",
    )
    CANCEL_REQUESTED = (
        "CancelRequested",
        "Someone cancelled the execution.",
        _NOTHING,
        _NODE_AND_EXECUTION,
    )
    TERMINATED = (
        "Terminated",
        "Someone terminated the execution.",
        "Nothing. `finally` has not run: clean up by hand what it would have.",
        _NODE_AND_EXECUTION,
    )
    EXECUTION_TIMED_OUT = (
        "ExecutionTimedOut",
        "The execution ran longer than the `timeout` of its workflow.",
        "Find out which node took so long, or raise `spec.timeout`.",
        _NODE_AND_EXECUTION,
    )
    FAILURE_STOPPED = (
        "FailureStopped",
        "A failure is unhandled and `onFailure` is Stop: running nodes finish, and only "
        "`finally` starts.",
        "See the node that failed.",
        _NODE_AND_EXECUTION,
    )
    FAILURE_CANCELLED = (
        "FailureCancelled",
        "A failure is unhandled and `onFailure` is Cancel: running nodes are cancelled, and only "
        "`finally` starts.",
        "See the node that failed.",
        _NODE_AND_EXECUTION,
    )
    REPLACED = (
        "Replaced",
        "A newer execution replaced this one, by the concurrency policy Replace or the rateLimit "
        "policy Newest.",
        _NOTHING,
        _NODE_AND_EXECUTION,
    )

    # An execution
    WORKFLOW_NOT_FOUND = (
        "WorkflowNotFound",
        "There is no Workflow of that name. An execution waits for it for one minute; a rerun "
        "fails at once.",
        "Apply the Workflow, or correct the name.",
        _EXECUTION_AND_DEFINITION,
    )
    TEMPLATE_NOT_FOUND = (
        "TemplateNotFound",
        "There is no Template of that name. An execution waits for it for one minute.",
        "Apply the Template, or correct the action's name: `local/NAME` is a Template of the "
        "namespace, `NAME` a ClusterTemplate.",
        _EXECUTION_AND_DEFINITION,
    )
    ADMISSION_REFUSED = (
        "AdmissionRefused",
        "The API server refuses an object that the execution needs before it can run. The "
        "operator tries again every five seconds.",
        "Correct what the message names: often a quota, a webhook or a right of the operator.",
        _EXECUTION,
    )
    WORKFLOW_NOT_ACTIVE = (
        "WorkflowNotActive",
        "The state of the Workflow does not allow this start.",
        "Set `spec.state` of the Workflow to Active.",
        _EXECUTION_AND_DEFINITION,
    )
    INVALID_SPEC = (
        "InvalidSpec",
        "The spec is not valid; the message names the path.",
        "Correct the field at the path in the message, and apply it again.",
        (Subject.NODE, Subject.EXECUTION, Subject.DEFINITION),
    )
    INVALID_VARIABLES = (
        "InvalidVariables",
        "The variables are not what the Workflow declares.",
        "Start it again with the variables that the message asks for.",
        _EXECUTION_AND_DEFINITION,
    )
    REVISION_TOO_LARGE = (
        "RevisionTooLarge",
        "The Workflow, its Templates and its sub-workflows exceed 1 MiB together.",
        "Split the workflow, or move long scripts into an image.",
        _EXECUTION_AND_DEFINITION,
    )
    PARENT_GONE = (
        "ParentGone",
        "The execution that started this sub-execution was deleted.",
        "Nothing: it is removed with its parent.",
        _EXECUTION,
    )
    RATE_LIMITED = (
        "RateLimited",
        "The execution is over the `rateLimit` of its Trigger; the message says when it starts.",
        "Nothing. Cancel what need not run, or raise `spec.rateLimit` for later events.",
        _EXECUTION,
    )
    CONCURRENCY_LIMIT = (
        "ConcurrencyLimit",
        "As many executions run as `spec.concurrency` allows; this one is queued.",
        "Nothing. The message says what it waits for; cancel what need not run.",
        _EXECUTION,
    )
    CONCURRENCY_FORBIDDEN = (
        "ConcurrencyForbidden",
        "As many executions run as `spec.concurrency` allows, and its policy is Forbid.",
        "Start it again when the running one has ended, or set the policy to Queue.",
        _EXECUTION,
    )
    CONCURRENCY_HELD_BY_ANCESTOR = (
        "ConcurrencyHeldByAncestor",
        "The sub-execution would wait indefinitely for a slot that one of its ancestors holds.",
        "Give the sub-workflow another `concurrency.group` or `concurrency.key`.",
        _EXECUTION,
    )
    RERUN_SOURCE_GONE = (
        "RerunSourceGone",
        "The execution to rerun does not exist.",
        "Start a new execution.",
        _EXECUTION,
    )
    INVALID_RERUN = (
        "InvalidRerun",
        "The execution to rerun, or a node to rerun it from, cannot be rerun.",
        "Correct `spec.rerunOf` as the message says, or start a new execution.",
        _EXECUTION,
    )
    REVISION_LOST = (
        "RevisionLost",
        "The ControllerRevision that the execution was admitted with was deleted or changed.",
        "Start a new execution, and find out who changes ControllerRevisions.",
        _EXECUTION,
    )
    OTHER_VERSION = (
        "OtherVersion",
        "Another version of the operator admitted the execution, with fields that this version "
        "does not know, so it cannot continue it. Its Jobs are stopped.",
        "Run the Workflow again. Before a downgrade, wait until executions that use new fields "
        "have ended.",
        _EXECUTION,
    )
    RESTORED = (
        "Restored",
        "The execution was restored from a backup in which it had not ended, or without its "
        "status. Nothing of it runs again.",
        "Find out how far it came, and run the Workflow again if that is safe.",
        _NODE_AND_EXECUTION,
    )
    STATUS_INVALID = (
        "StatusInvalid",
        "The status was edited by others and contradicts itself. The Jobs of the execution are "
        "stopped.",
        "Start a new execution, and find out who may write the status of executions.",
        _EXECUTION,
    )
    ADMITTED = (
        "Admitted",
        "The execution is running.",
        _NOTHING,
        _EXECUTION,
    )
    PAUSED = (
        "Paused",
        "Someone paused the execution: running nodes finish, and nothing new starts.",
        "Resume it with `orchestrator resume`.",
        _EXECUTION,
    )
    COMPLETED = (
        "Completed",
        "All nodes have ended, and no failure is unhandled.",
        _NOTHING,
        _EXECUTION,
    )
    NODE_FAILED = (
        "NodeFailed",
        "A node failed, and nothing handled the failure.",
        "See `orchestrator explain` for the node that the message names, and repair the cause. "
        "If it was outside the workflow, continue with `orchestrator rerun`; after a change of the "
        "Workflow or a Template, start again with `orchestrator run`.",
        _EXECUTION,
    )

    # A Trigger whose events the receiver takes
    RECEIVED = (
        "Received",
        "The receiver takes the events of the Trigger.",
        _NOTHING,
        (Subject.DEFINITION,),
    )
    NOT_RECEIVED = (
        "NotReceived",
        "No receiver has taken up the Trigger, or its last change, yet.",
        "Install the receiver, or see its log: `kubectl get pods -A -l "
        "app.kubernetes.io/component=receiver`.",
        (Subject.DEFINITION,),
    )
    SECRET_FORBIDDEN = (
        "SecretForbidden",
        "The receiver may not read a Secret that the Trigger names.",
        "Create the Role and its binding with the command in the message.",
        (Subject.DEFINITION,),
    )

    SOURCE_UNREACHABLE = (
        "SourceUnreachable",
        "The receiver cannot read the mailbox, bucket or folder of the Trigger.",
        "Repair what the message names: the server, its address or certificate, the credentials, "
        "or the mailbox or bucket. The receiver tries again by itself, and misses nothing.",
        (Subject.DEFINITION,),
    )
    DEPENDENCY_MISSING = (
        "DependencyMissing",
        "The receiver was installed without a library that the type of the Trigger needs.",
        "Install it with the command in the message, or run the receiver from the image, which "
        "has all of them.",
        (Subject.DEFINITION,),
    )
    VOLUME_FORBIDDEN = (
        "VolumeForbidden",
        "The receiver has no volume of that name which the namespace of the Trigger may read.",
        "Correct the name, or have the receiver's administrator add the namespace to the volume.",
        (Subject.DEFINITION,),
    )

    # An ended execution, in its condition Recorded
    RECORDED = (
        "Recorded",
        "The history has the execution as it ended, so that retention can delete the object.",
        _NOTHING,
        _EXECUTION,
    )

    # A Workflow, Template, Trigger or Incident
    RESOURCE_FORBIDDEN = (
        "ResourceForbidden",
        "The operator may not follow the resource that the Trigger listens to, or no Trigger may.",
        "Grant the right with the commands in the message; the operator tries again every 30 "
        "seconds.",
        (Subject.DEFINITION,),
    )
    RESOURCE_UNKNOWN = (
        "ResourceUnknown",
        "The cluster does not serve the resource that the Trigger listens to.",
        "Install its definition, or correct the field that the message names; the operator tries "
        "again every 30 seconds.",
        (Subject.DEFINITION,),
    )
    VALID = (
        "Valid",
        "The object is valid and can be used.",
        _NOTHING,
        (Subject.DEFINITION,),
    )


class EventReason(StrEnum):
    """A reason of a Kubernetes Event about an execution, or what executions are made from."""

    _value_: str
    meaning: str
    """What it reports, in a sentence or two."""
    remedy: str
    """What the person on call can do."""
    warning: bool
    """Whether the Event has the type Warning."""

    def __new__(cls, value: str, meaning: str, remedy: str, warning: bool = False) -> Self:
        reason = str.__new__(cls, value)
        reason._value_ = value
        reason.meaning = meaning
        reason.remedy = remedy
        reason.warning = warning
        return reason

    ADMITTED = (
        "Admitted",
        "The execution starts; the message names its revision and counts the nodes that run.",
        _NOTHING,
    )
    SUCCEEDED = (
        "Succeeded",
        "The execution succeeded.",
        _NOTHING,
    )
    FAILED = (
        "Failed",
        "The execution failed; the message says why.",
        "See `orchestrator explain` for the execution.",
        True,
    )
    TIMED_OUT = (
        "TimedOut",
        "The execution ran longer than the `timeout` of its workflow.",
        "See `orchestrator explain` for the execution.",
        True,
    )
    CANCELLED = (
        "Cancelled",
        "The execution was cancelled, terminated, replaced or forbidden; the message says which.",
        _NOTHING,
        True,
    )
    NODE_SUCCEEDED = (
        "NodeSucceeded",
        "A node succeeded.",
        _NOTHING,
    )
    NODE_FAILED = (
        "NodeFailed",
        "A node failed; the message carries its reason.",
        "See `orchestrator explain` and `orchestrator logs` for the node.",
        True,
    )
    NODE_TIMED_OUT = (
        "NodeTimedOut",
        "A node ran longer than its timeout.",
        "See `orchestrator explain` and `orchestrator logs` for the node.",
        True,
    )
    NODE_SKIPPED = (
        "NodeSkipped",
        "A node was skipped: its branch was not chosen, or it is blocked.",
        _NOTHING,
    )
    NODE_CANCELLED = (
        "NodeCancelled",
        "A node was cancelled with its execution.",
        _NOTHING,
    )
    NODE_RETRY = (
        "NodeRetry",
        "An attempt of a node failed, and another one follows; the message says when.",
        _NOTHING,
        True,
    )
    NODE_HELD_UP = (
        "NodeHeldUp",
        "A node cannot start, or the cluster node of its pod does not report any more; the message "
        "carries the reason.",
        "See `orchestrator explain` for the execution.",
        True,
    )
    BECAME_READY = (
        "BecameReady",
        "A Workflow, Template, Trigger or Incident that was not ready has become ready.",
        _NOTHING,
    )
    NOT_READY = (
        "NotReady",
        "A Workflow, Template, Trigger or Incident is invalid, or is not ready any more; the "
        "message carries the reason.",
        "Correct what the message names.",
        True,
    )
    NAME_TAKEN = (
        "NameTaken",
        "An execution has the name that a trigger or a sub-workflow needs, but was made by someone "
        "else; another name is used.",
        "Find out who creates executions with such names.",
        True,
    )
    RECEIVED = (
        "Received",
        "The receiver takes the events of the Trigger again.",
        _NOTHING,
    )
    NOT_RECEIVING = (
        "NotReceiving",
        "The receiver does not take the events of the Trigger, for example because it may not read "
        "a Secret; the message says why.",
        "Run the command in the message. Senders that retry lose nothing until then.",
        True,
    )
    QUOTA_EXCEEDED = (
        "QuotaExceeded",
        "A ResourceQuota refuses the execution that a Trigger starts. The Trigger keeps the event "
        "and tries again.",
        "Delete what is not needed or raise the quota: `kubectl describe quota`.",
        True,
    )
    MARK_RESET = (
        "MarkReset",
        "The mark of a Trigger was later than all that has happened in the cluster, so its state "
        "was restored from a backup. The Trigger counts from now on.",
        "Check whether something happened since the restore that it should have started.",
        True,
    )
    NOT_RECORDED = (
        "NotRecorded",
        "Retention deleted the execution though the history did not record it within 24 hours.",
        "Find out why the history records nothing: see the log and `/readyz` of the recorder, and "
        "whether its database can be reached.",
        True,
    )
    STRAY_JOB = (
        "StrayJob",
        "A Job of the execution that works for no running attempt was found and stopped.",
        "Find out whether Jobs or the status of the execution were edited.",
        True,
    )
    STRAY_SUB_EXECUTION = (
        "StraySubExecution",
        "A sub-execution that the execution does not wait for was found and stopped.",
        "Find out whether two operators ran at the same time, or the status was edited.",
        True,
    )
    INJECTED_CONTAINER_STOPPED = (
        "InjectedContainerStopped",
        "The action has ended, and a container that was injected into its pod ran on; it was "
        "stopped.",
        "Nothing. A sidecar that ends with the main container avoids it.",
    )
