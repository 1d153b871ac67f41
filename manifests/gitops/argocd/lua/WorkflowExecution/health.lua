-- Suspended: paused, or nothing goes on until a person decides or sends a signal.
local waits_for_people = {
  AwaitingApproval = true,
  ApprovalsUnprotected = true,
  AwaitingSignal = true,
  SignalsUnprotected = true,
}
local health_of_phase = {
  Succeeded = "Healthy",
  Failed = "Degraded",
  TimedOut = "Degraded",
  Cancelled = "Degraded",
}

local status = obj.status or {}
if status.phase == nil then
  return {status = "Progressing", message = "waiting for the operator"}
end

local message = status.message or status.phase
local final = health_of_phase[status.phase]
if final == "Healthy" then
  return {status = final, message = message}
end
if status.reason ~= nil then
  message = status.reason .. ": " .. message
end
if final ~= nil then
  return {status = final, message = message}
end

if status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "waiting for the operator"}
end
if status.phase == "Paused" then
  return {status = "Suspended", message = status.message or "paused"}
end

local nodes, waiting, active = status.nodes or {}, {}, false
for name, node in pairs(nodes) do
  if waits_for_people[node.reason] and node.phase == "Waiting" then
    table.insert(waiting, name)
  elseif node.phase == "Pending" or node.phase == "Running" or node.phase == "Waiting" then
    active = true
    break
  end
end
if #waiting > 0 and not active then
  table.sort(waiting)
  local shown = {}
  for i = 1, #waiting do
    if i > 5 then
      table.insert(shown, "and " .. (#waiting - 5) .. " more")
      break
    end
    table.insert(shown, waiting[i] .. ": " .. (nodes[waiting[i]].message or nodes[waiting[i]].reason))
  end
  return {status = "Suspended", message = table.concat(shown, "; ")}
end
if status.phase == "Running" then
  message = status.progress .. " nodes ended"
  if status.active ~= nil then
    message = message .. "; active: " .. status.active
  end
end
return {status = "Progressing", message = message}
