"""Actions on incidents: custom resources, whose timeline the operator keeps."""
