local state = obj.spec.desiredState or "Running"
local over = ended[status.phase] == true
return {
  cancel = {
    iconClass = "fa fa-fw fa-stop",
    displayName = "Cancel",
    disabled = over or state == "Cancelled" or state == "Terminated",
  },
  rerun = {
    iconClass = "fa fa-fw fa-redo",
    displayName = "Rerun from the failed nodes",
    disabled = not over or #failed_nodes() == 0,
  },
}
