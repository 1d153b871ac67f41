local ended = {Succeeded = true, Failed = true, TimedOut = true, Cancelled = true}
local status = obj.status or {}

-- The nodes that ended badly, where a re-run begins.
local function failed_nodes()
  local failed = {}
  for name, node in pairs(status.nodes or {}) do
    if node.phase == "Failed" or node.phase == "TimedOut" or node.phase == "Cancelled" then
      table.insert(failed, name)
    end
  end
  table.sort(failed)
  return failed
end
