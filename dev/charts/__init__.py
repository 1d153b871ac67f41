"""The Helm chart: what it copies from elsewhere in the project, and the programs that read it."""
