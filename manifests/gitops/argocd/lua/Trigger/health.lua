-- A suspended Trigger is Healthy: Argo CD waits without end for what is Suspended in a sync wave.
return health_of_conditions()
