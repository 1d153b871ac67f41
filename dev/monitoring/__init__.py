"""The dashboard and the PrometheusRule of manifests/monitoring, and where Prometheus comes from."""
