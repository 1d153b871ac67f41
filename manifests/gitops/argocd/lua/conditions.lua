-- The health of an object that people write, from the conditions that the operator sets.
local function health_of_conditions()
  local status = obj.status or {}
  if status.observedGeneration ~= obj.metadata.generation then
    return {status = "Progressing", message = "waiting for the operator"}
  end
  local conditions = {}
  for _, condition in ipairs(status.conditions or {}) do
    conditions[condition.type] = condition
  end
  local ready, stalled = conditions.Ready, conditions.Stalled
  if ready == nil then
    return {status = "Progressing", message = "waiting for the operator"}
  end
  if ready.status == "True" then
    return {status = "Healthy", message = ready.message}
  end
  local message = ready.reason .. ": " .. ready.message
  if stalled ~= nil and stalled.status == "True" then
    return {status = "Degraded", message = message}
  end
  return {status = "Progressing", message = message}
end
