"""iTechSmart Workflow: the operator, the command line and the actions.

From the pure core to the shell; a package imports only what stands above it:

- `models`: the custom resources, their labels and reasons.
- `expressions`: the language of `${{ }}` and `$[[ ]]`, and its budget.
- `validation`: rules for what people write; `validation/rules/registry.py` lists them.
- `engine`: (workflow, execution, observed, now) → decisions. `nodes` has retries, waits and
  approvals, `concurrency` the slots, `lifecycle` the execution as a whole, `status` what is stored.
- `jobs`: from an attempt to its Job, and from Job and pods to what was observed.
- `triggers`: from an event to the execution that it starts; `triggers/registry.py` lists the types.
- `operations`: what people and programs ask for, as checked manifests and patches.
- `kube`: the client of the API server, watches and the Lease.
- `actions`: what runs in the pods of nodes; `actions/registry.py` lists them.
- `controller`: the shell: watches, the work queue, writes.
- `client`: a client of the REST API, which imports nothing of the others.
- `cli`: the command line; `cli/commands/registry.py` lists the commands.
"""
