local health = health_of_conditions()
local state = obj.spec.state or "Active"
if health.status == "Healthy" and state ~= "Active" then
  health.message = state .. ": " .. health.message
end
return health
