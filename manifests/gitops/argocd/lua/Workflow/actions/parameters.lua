-- The variables that an action can set: Argo CD gives text, which has no lists, objects and secrets.
local function as_text(variable)
  return variable.type == "string" or variable.type == "integer" or variable.type == "number"
    or variable.type == "boolean"
end
