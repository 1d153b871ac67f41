"""The operator's metrics for Prometheus, and the metrics in the status of Workflows."""
