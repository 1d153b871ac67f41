"""Programs of cloud providers, as Templates of YAML alone."""
