obj.spec.desiredState = "Cancelled"
return obj
