"""The formats that kubectl reads and writes: YAML as it understands it, and JSONPath."""
