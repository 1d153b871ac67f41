"""What users write and what we record: one file a kind, one source for schemas, docs and checks."""
