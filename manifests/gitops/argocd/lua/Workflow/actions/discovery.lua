local disabled = obj.spec.state == "Inactive" or obj.spec.state == "Archived"
for _, condition in ipairs((obj.status or {}).conditions or {}) do
  if condition.type == "Ready" and condition.status == "False"
    and condition.observedGeneration == obj.metadata.generation then
    disabled = true
  end
end

local run = {iconClass = "fa fa-fw fa-play", displayName = "Run"}
for _, variable in ipairs(obj.spec.variables or {}) do
  if as_text(variable) then
    run.params = run.params or {}
    table.insert(run.params, {name = variable.name})
  elseif variable.required and variable.default == nil and variable.type ~= "secret" then
    disabled = true -- nothing here can give it a value
  end
end
run.disabled = disabled
return {run = run}
