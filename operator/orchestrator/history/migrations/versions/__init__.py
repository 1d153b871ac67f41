"""One file for each change of the schema, in both directions."""
