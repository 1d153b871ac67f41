"""The fields of other systems: the equivalent field, and the line to write."""

from __future__ import annotations

from orchestrator.validation.suggestions.hints import (
    Hint,
    action,
    condition,
    declared,
    duration_in,
    edges,
    following,
    inside,
    items,
    named,
    next_node,
    parameters,
    renamed,
    retry,
    script,
    steps,
)

_FINALLY = (
    "nodes that always run last are declared in spec.nodes and named in"
    " spec.finally: write `finally: [NODE]`"
)
_DEFAULTS = "settings of all nodes are in spec.defaults"
_POD = "settings of pods are in spec.pod"
ON = (
    "a workflow is started by a separate object of kind Trigger: write"
    " `spec: {workflow: NAME, schedule: {cron: '0 3 * * *'}}`"
)
"""The equivalent of `on` of GitHub Actions; an unquoted `on` is the boolean true."""
_IN_ACTION = (
    "a container is specified in a Template, in spec.action, and a node names the Template:"
    " write `action: local/NAME`"
)
_POD_OF_ALL = "it is a setting of all pods of the workflow, in spec.pod"


def _table(groups: dict[str, Hint]) -> dict[str, Hint]:
    """The hints by field, from groups of fields with the same hint."""
    return {field: hint for fields, hint in groups.items() for field in fields.split()}


_WORKFLOW = _table(
    {
        "steps tasks jobs dag templates pipelinespec stages": steps,
        "entrypoint": ("every node without incoming edges starts at once; there is no entry point"),
        "name": "the display name is title; the name is in metadata.name",
        "displayname": renamed("title"),
        "inputs params parameters arguments vars args": declared(
            "variables", "the inputs of a workflow are its variables"
        ),
        "results": (
            "the results of a workflow are its outputs: write `outputs: [{name: NAME, value:"
            " EXPRESSION}]`"
        ),
        "env": (
            "an action gets parameters, in the with of its node; for all nodes write a variable:"
            " `variables: [{name: NAME, type: string, default: VALUE}]`"
        ),
        "secrets": (
            "a secret is a variable: write `variables: [{name: token, type: secret, secretKeyRef:"
            " {name: SECRET, key: KEY}}]`"
        ),
        "on schedule schedules cron trigger triggers": ON,
        "activedeadlineseconds timeoutseconds": duration_in(
            "timeout limits the whole execution", "timeout"
        ),
        "timeoutminutes": duration_in("timeout limits the whole execution", "timeout", "m"),
        "timeouts": (
            "timeout limits the whole execution, finallyTimeout the nodes in finally: write"
            " `timeout: 1h`"
        ),
        "starttimeout": f"{_DEFAULTS}: write `defaults: {{startTimeout: 5m}}`",
        "retry retries retrystrategy retrypolicy": (
            f"{_DEFAULTS}: write `defaults: {{retry: {{limit: 3}}}}`"
        ),
        "onexit hooks": _FINALLY,
        "handlers": (
            "a node that runs after a failure is the target of an edge: write `edges: [{from: A,"
            " to: B, outcome: Failed}]`"
        ),
        "parallelism maxparallel": (
            "concurrency limits executions, `concurrency: {limit: 1}`; forEach.parallelism of a"
            " node limits the items of its fan-out"
        ),
        "synchronization mutex semaphore": (
            "concurrency limits executions: write `concurrency: {limit: 1}`"
        ),
        "concurrencypolicy": (
            "concurrency limits executions: write `concurrency: {limit: 1, policy: Forbid}`"
        ),
        "failfast": (
            "onFailure decides whether a failure stops other branches: write `onFailure: Stop`"
        ),
        "continueonerror": (
            "a node whose failure counts as handled has allowFailure: write `allowFailure: true`"
            " at the node"
        ),
        "strategy": (
            "a matrix is the forEach of a node: write `forEach: {values: \"['a', 'b']\", as: item}`"
        ),
        "suspend enabled disabled paused": (
            "an inactive workflow is never started: write `state: Inactive`"
        ),
        "ttlstrategy ttlsecondsafterfinished successfuljobshistorylimit failedjobshistorylimit": (
            "history sets how many ended executions are kept: write `history: {succeeded: 20,"
            " failed: 50}`"
        ),
        "podgc": (
            "history.keepJobs sets how long ended Jobs and pods are kept: write `history:"
            " {keepJobs: 1h}`"
        ),
        "serviceaccountname serviceaccount": (
            "the service account of an action is written in its Template: `spec: {action:"
            " {serviceAccountName: NAME}}`"
        ),
        "nodeselector": f"{_POD}: write `pod: {{nodeSelector: {{KEY: VALUE}}}}`",
        "tolerations": f"{_POD}: write `pod: {{tolerations: [{{key: KEY, operator: Exists}}]}}`",
        "imagepullsecrets": f"{_POD}: write `pod: {{imagePullSecrets: [{{name: SECRET}}]}}`",
        "priorityclassname podpriorityclassname": (
            f"{_POD}: write `pod: {{priorityClassName: NAME}}`"
        ),
        "podmetadata": f"{_POD}: write `pod: {{labels: {{KEY: VALUE}}}}`",
        "podtemplate podspec": _POD,
        "labels": (
            f"labels of the Workflow are in metadata.labels; {_POD}: write `pod: {{labels: {{KEY:"
            f" VALUE}}}}`"
        ),
        "annotations": (
            f"annotations of the Workflow are in metadata.annotations; {_POD}: write `pod:"
            f" {{annotations: {{KEY: VALUE}}}}`"
        ),
        "workspaces volumeclaimtemplates": (
            "a volume that the nodes share is workspace: write `workspace: {size: 1Gi}`"
        ),
        "volumes": (
            "a volume that the nodes share is workspace: write `workspace: {size: 1Gi}`; others"
            " are in the Template of an action, in spec.action.volumes"
        ),
        "runson": f"{_POD}: write `pod: {{nodeSelector: {{kubernetes.io/arch: amd64}}}}`",
        "hosts": (
            "the hosts of a node are its forEach: write `forEach: {values: vars.hosts, as: host}`"
        ),
        "become": "containers run without root; the Template of an action sets its permissions",
        "permissions": (
            "an action has the permissions of its Template's service account: write `spec: {action:"
            " {serviceAccountName: NAME}}`"
        ),
        "workflowtemplateref": (
            "a node runs another workflow: write `nodes: [{name: child, workflow: {name: NAME}}]`"
        ),
    }
)
_NODE = _table(
    {
        "id": "a node is identified by its name",
        "displayname label": renamed("title"),
        "depends dependson dependencies needs runafter after requires": edges,
        "next then": next_node,
        "onsuccess": following("Succeeded"),
        "onfailure onerror onfail rescue catch onfailureaction": following("Failed"),
        "else": (
            "an edge of a condition has an outcome: write `edges: [{from: CONDITION, to: NODE,"
            " outcome: Else}]`"
        ),
        "always finally onexit hooks": _FINALLY,
        "withitems withparam withsequence items loop foreach matrix": items,
        "strategy": "a matrix is forEach: write `forEach: {values: \"['a', 'b']\", as: item}`",
        "loopcontrol": (
            "the name of an item is forEach.as: write `forEach: {values: vars.LIST, as: item}`"
        ),
        "parallelism": "forEach.parallelism limits how many items run at once",
        "until while": (
            "a node that is run again has repeat: write `repeat: {until: EXPRESSION, limit: 10}`"
        ),
        "retries retrystrategy retrypolicy maxretries attempts backofflimit": retry,
        "if conditions whenexpressions unless": condition,
        "timeoutseconds activedeadlineseconds deadline async": duration_in(
            "timeout limits an attempt", "timeout"
        ),
        "timeoutminutes": duration_in("timeout limits an attempt", "timeout", "m"),
        "uses taskref template templateref task": action,
        "pipelineref": "another workflow is run by workflow: write `workflow: {name: NAME}`",
        "type kind": (
            "the type of a node is one of the keys action, condition, approval, delay, workflow,"
            " transform, wait or fail"
        ),
        "run script shell cmd bash": script,
        "args arguments params parameters inputs vars": parameters,
        "env environment": (
            "an action gets parameters: write `with: {NAME: VALUE}`; run-script has the parameter"
            " env: `with: {script: …, env: {NAME: VALUE}}`"
        ),
        "variables": (
            "an action gets parameters: write `with: {NAME: VALUE}`; a sub-workflow variables:"
            " `workflow: {name: NAME, variables: {NAME: VALUE}}`"
        ),
        "outputs results": (
            "the outputs of an action are declared by its Template; a transform node computes"
            " values: write `transform: {NAME: EXPRESSION}`"
        ),
        "register": (
            "the outputs of a node are read as nodes.NAME.outputs, without being registered"
        ),
        "setfact value": (
            "a transform node computes values: write `transform: {NAME: EXPRESSION}`"
        ),
        "steps tasks block": (
            "a node is one step; several are several nodes and the edges between them, or another"
            " workflow: write `workflow: {name: NAME}`"
        ),
        "parallel": "nodes run in parallel unless an edge leads from one to the other",
        "image command container taskspec resources volumemounts volumes sidecars": _IN_ACTION,
        "securitycontext serviceaccountname imagepullpolicy workingdirectory": _IN_ACTION,
        "nodeselector": f"{_POD_OF_ALL}: write `pod: {{nodeSelector: {{KEY: VALUE}}}}`",
        "tolerations": (
            f"{_POD_OF_ALL}: write `pod: {{tolerations: [{{key: KEY, operator: Exists}}]}}`"
        ),
        "runson": f"{_POD_OF_ALL}: write `pod: {{nodeSelector: {{kubernetes.io/arch: amd64}}}}`",
        "workspaces": (
            "a volume that the nodes share is spec.workspace, seen by every action as $WORKSPACE"
        ),
        "continueon continueonerror ignoreerrors": (
            "a node whose failure counts as handled has allowFailure: write `allowFailure: true`"
        ),
        "failedwhen": "a path that fails ends in a node with fail: write `fail: TEXT`",
        "suspend pause": (
            "nodes that wait are delay, approval and wait: write `delay: 5m`, `approval:"
            " {approvers: ['group:NAME']}` or `wait: {signal: NAME}`"
        ),
        "sleep": duration_in("a node that waits for a fixed time is a delay", "delay"),
        "notify": "the next node is the target of an edge: write `edges: [{from: A, to: B}]`",
        "position": (
            "the positions of the visual builder are spec.layout: write `layout: {NODE: [80, 120]}`"
        ),
        "trigger": ON,
        "subworkflow": renamed("workflow"),
        "approvers": (
            "approvers belong to an approval: write `approval: {approvers: ['group:NAME']}`"
        ),
        "synchronization concurrency": (
            "concurrency belongs to the whole workflow: write `concurrency: {limit: 1}` in spec"
        ),
    }
)
_EDGE = _table(
    {
        "source src start": renamed("from"),
        "target dst end": renamed("to"),
        "condition if": condition,
        "on type status": "the condition of an edge is its outcome: write `outcome: Failed`",
        "label name": "an edge has no name and no label",
    }
)
FIELDS: dict[str, dict[str, Hint]] = {
    "WorkflowSpec": _WORKFLOW,
    "Node": _NODE,
    "Edge": _EDGE,
    "Variable": _table(
        {
            "value": renamed("default"),
            "values options choices": renamed("enum"),
            "regex": renamed("pattern"),
            "min": renamed("minimum"),
            "max": renamed("maximum"),
            "secret sensitive": (
                "a secret is a type: write `type: secret, secretKeyRef: {name: SECRET, key: KEY}`"
            ),
            "secretref": "write `type: secret, secretKeyRef: {name: SECRET, key: KEY}`",
            "valuefrom": (
                "a value comes from the execution or from default; a secret: write `type: secret,"
                " secretKeyRef: {name: SECRET, key: KEY}`"
            ),
            "optional": "a variable is optional unless it has `required: true`",
            "displayname title": renamed("description"),
        }
    ),
    "Retry": _table(
        {
            "count max maxretries": renamed("limit"),
            "maxattempts attempts": "limit is the number of extra attempts: write `limit: 3`",
            "delay interval": (
                "the wait between attempts is backoff: write `backoff: {initial: 10s}`"
            ),
            "retrypolicy on when expression": (
                "reasons lists what to retry: write `reasons: [Failed, TimedOut, Disrupted]`"
            ),
        }
    ),
    "Backoff": _table(
        {
            "duration delay": duration_in("the first wait is initial", "initial"),
            "maxduration cap": duration_in("the longest wait is max", "max"),
            "multiplier": renamed("factor"),
            "jitter": "waits always have jitter",
            "steps": "retry.limit is the number of extra attempts",
        }
    ),
    "Approval": _table(
        {
            "users assignees reviewers": (
                "who may decide is approvers: write `approvers: ['user:NAME']`"
            ),
            "groups": "who may decide is approvers: write `approvers: ['group:NAME']`",
            "count minapprovals minimum": renamed("required"),
            "timeout": "timeout is a field of the node, beside approval",
            "message title description": ("approvers see the title and description of the node"),
            "default": (
                "onTimeout applies if no decision is made in time: write `onTimeout: Reject`"
            ),
            "form fields": renamed("inputs"),
        }
    ),
    "ForEach": _table(
        {
            "items in list": renamed("values"),
            "var name item": renamed("as"),
            "concurrency maxparallel limit": renamed("parallelism"),
            "failfast": "maxFailed is the number of items that may fail: write `maxFailed: 0`",
            "outputs results": renamed("gather"),
        }
    ),
    "Repeat": _table(
        {
            "times count max retries": renamed("limit"),
            "interval": renamed("delay"),
            "while": "it runs until an expression is true: write `until: EXPRESSION`",
        }
    ),
    "SubWorkflow": _table(
        {
            "params parameters arguments inputs with vars": renamed("variables"),
            "namespace": "a sub-workflow is in the same namespace",
            "ref": renamed("name"),
        }
    ),
    "Wait": _table(
        {
            "event": renamed("signal"),
            "for duration seconds": (
                "a wait ends when an expression is true or a signal arrives; for a fixed time write"
                " `delay: 5m`"
            ),
            "condition": renamed("until"),
            "timeout": "timeout is a field of the node, beside wait",
        }
    ),
    "Concurrency": _table(
        {
            "max maxparallel": renamed("limit"),
            "cancelinprogress": (
                "a policy decides whether an execution replaces another: write `policy: Replace`"
            ),
            "mutex": renamed("group"),
        }
    ),
    "Output": _table(
        {
            "valuefrom": "an output is an expression: write `value: nodes.NODE.outputs.NAME`",
            "expression": renamed("value"),
            "type": "the type of an output is that of its value",
        }
    ),
    "History": _table(
        {
            "ttl keep limit": "succeeded and failed are the numbers of ended executions to keep",
        }
    ),
    "TriggerSpec": _table(
        {
            "cron": "a schedule has a cron expression: write `schedule: {cron: '0 3 * * *'}`",
            "schedules": (
                "a schedule has one cron expression; several are several Triggers: write"
                " `schedule: {cron: '0 3 * * *'}`"
            ),
            "timezone": (
                "the time zone belongs to the schedule: write `schedule: {cron: '0 3 * * *',"
                " timeZone: Europe/Berlin}`"
            ),
            "workflowref workflowtemplateref pipelineref": named("workflow"),
            "workflowname": renamed("workflow"),
            "type": (
                "the type of a Trigger is the key with its settings, such as `schedule: {cron: '0 3"
                " * * *'}` or `manual: {}`"
            ),
            "params parameters arguments inputs vars": renamed("variables"),
            "concurrencypolicy": (
                "concurrency is set in the Workflow: write `concurrency: {limit: 1, policy:"
                " Forbid}` there"
            ),
            "startingdeadlineseconds": "missed slots are caught up on by schedule.catchUp",
            "suspended paused disabled": renamed("suspend"),
            "enabled": "a Trigger that starts nothing has `suspend: true`",
            "when if condition filters": renamed("filter"),
        }
    ),
    "ExecutionSpec": _table(
        {
            "workflowref workflowtemplateref pipelineref template": named("workflow"),
            "workflowname": renamed("workflow"),
            "params parameters arguments args inputs vars": renamed("variables"),
            "state suspend paused": (
                "an execution is paused or cancelled by `desiredState: Paused` or `desiredState:"
                " Cancelled`"
            ),
        }
    ),
    "Schedule": _table(
        {
            "timezone tz": renamed("timeZone"),
            "schedule expression": renamed("cron"),
            "every interval": (
                "a schedule is a cron expression, such as `cron: '*/15 * * * *'` for every 15"
                " minutes"
            ),
        }
    ),
    "TemplateSpec": _table(
        {
            "name": "the name is in metadata.name; the display name is title",
            "inputs params arguments variables": declared(
                "parameters", "the inputs of an action are its parameters"
            ),
            "results": declared("outputs", "the results of an action are its outputs"),
            "image command args env resources serviceaccountname volumes": inside(
                "action", "the container is specified in action"
            ),
            "container": renamed("action"),
            "script": (
                "a script is in action: write `action: {script: {interpreter: sh, source: …}}`"
            ),
            "steps": "a Template is one container; several steps are the nodes of a Workflow",
        }
    ),
    "Action": _table(
        {
            "volumemounts": (
                "a volume has its own mountPath: write `volumes: [{name: data,"
                " mountPath: /data, emptyDir: {}}]`"
            ),
            "serviceaccount": renamed("serviceAccountName"),
            "terminationgraceperiodseconds": duration_in(
                "the grace period is a duration", "terminationGracePeriod"
            ),
            "source run": "a script has a source: write `script: {interpreter: sh, source: …}`",
            "shell": "a script has an interpreter: write `script: {interpreter: bash, source: …}`",
            "ports": "the container of an action serves no traffic",
            "livenessprobe readinessprobe": "the container of an action is not probed",
            "imagepullsecrets": (
                f"{_POD_OF_ALL}: write `pod: {{imagePullSecrets: [{{name: SECRET}}]}}` in the"
                " Workflow"
            ),
            "nodeselector": (
                f"{_POD_OF_ALL}: write `pod: {{nodeSelector: {{KEY: VALUE}}}}` in the Workflow"
            ),
            "timeout": "timeout is a field of the node that runs the action",
            "retry": "retry is a field of the node that runs the action",
            "name": "the name is in metadata.name of the Template",
        }
    ),
    "Script": _table(
        {
            "shell command": renamed("interpreter"),
            "run content inline": renamed("source"),
            "image": "the image is a field of action, beside script",
            "args": "a script gets its parameters as $PARAM_NAME, and has no arguments",
        }
    ),
    "SecurityContext": _table(
        {
            "privileged allowprivilegeescalation": (
                "actions run within the restricted Pod Security level"
            ),
            "runasnonroot": "it is always true",
            "capabilities": (
                "actions run within the restricted Pod Security level, without capabilities"
            ),
            "seccompprofile": "it is always RuntimeDefault",
        }
    ),
    "Volume": _table(
        {
            "hostpath": (
                "hostPath is not allowed; the allowed volumes are emptyDir, configMap, secret and"
                " persistentVolumeClaim"
            ),
            "pvc": "write `persistentVolumeClaim: {claimName: NAME}`",
            "path": renamed("mountPath"),
            "subpath": "the whole volume is mounted",
        }
    ),
}
FIELDS["Parameter"] = FIELDS["Variable"]
"""Hints by model and field; field names are in lower case, without - and _."""
