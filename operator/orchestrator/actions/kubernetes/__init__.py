"""Actions on Kubernetes workloads: read, change and wait."""
