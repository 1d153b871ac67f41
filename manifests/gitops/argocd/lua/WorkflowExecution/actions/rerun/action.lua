local failed = failed_nodes()
if not ended[status.phase] then
  error(obj.metadata.name .. " is " .. (status.phase or "Pending")
    .. "; only an ended execution can be run again: wait for its end, or cancel it", 0)
end
if #failed == 0 then
  error("spec.rerunOf.from: no node of " .. obj.metadata.name
    .. " failed; run its workflow, or name nodes with orchestrator rerun", 0)
end

local execution = {
  apiVersion = obj.apiVersion,
  kind = "WorkflowExecution",
  metadata = {generateName = obj.spec.workflow .. "-", namespace = obj.metadata.namespace},
  spec = {
    workflow = obj.spec.workflow,
    rerunOf = {name = obj.metadata.name, from = failed},
    requester = account,
  },
}
return {{operation = "create", resource = execution}}
