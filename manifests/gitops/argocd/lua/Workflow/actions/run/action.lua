local read = {
  string = function(text) return text end,
  integer = function(text)
    local number = tonumber(text)
    if number ~= nil and number % 1 == 0 then
      return number
    end
  end,
  number = function(text) return tonumber(text) end,
  boolean = function(text)
    if text == "true" or text == "false" then
      return text == "true"
    end
  end,
}
local examples = {integer = "3", number = "0.5", boolean = "true or false"}

local variables = nil
for _, variable in ipairs(obj.spec.variables or {}) do
  local text = actionParams[variable.name]
  if as_text(variable) and text ~= nil and text ~= "" then
    local value = read[variable.type](text)
    if value == nil then
      error("spec.variables." .. variable.name .. ": " .. text .. " is no " .. variable.type
        .. "; enter a value such as " .. examples[variable.type], 0)
    end
    variables = variables or {}
    variables[variable.name] = value
  elseif variable.required and variable.default == nil and variable.type ~= "secret" then
    error("spec.variables." .. variable.name .. ": a value is required; enter one in Argo CD's web"
      .. " interface, or start the workflow with orchestrator run " .. obj.metadata.name
      .. " --var " .. variable.name .. "=VALUE", 0)
  end
end

local execution = {
  apiVersion = obj.apiVersion,
  kind = "WorkflowExecution",
  metadata = {generateName = obj.metadata.name .. "-", namespace = obj.metadata.namespace},
  spec = {workflow = obj.metadata.name, variables = variables, requester = account},
}
return {{operation = "create", resource = execution}}
