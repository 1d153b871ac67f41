"""Actions on Kubernetes workloads: read them, change them, wait for them."""
