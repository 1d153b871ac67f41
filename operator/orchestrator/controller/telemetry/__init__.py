"""What is told of the work: Events, figures for Prometheus, metrics of Workflows, probes."""
