"""What the operator reports: Events, metrics for Prometheus and of Workflows, probes."""
