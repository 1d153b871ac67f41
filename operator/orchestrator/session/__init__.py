"""What users do on a cluster with their own rights, for the command line and the API: read objects,
check manifests, and send the writes of operations."""
