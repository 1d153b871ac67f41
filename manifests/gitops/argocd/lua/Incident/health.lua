-- An open Incident is Healthy: a sync would fail on it, and it is no fault of the manifest.
local health = health_of_conditions()
if health.status == "Healthy" then
  health.message = (obj.spec.state or "Open") .. ", " .. (obj.spec.severity or "Medium") .. ": " .. obj.spec.title
end
return health
