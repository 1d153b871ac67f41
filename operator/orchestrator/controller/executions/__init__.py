"""The pass of one execution, from its admission to its end, and what is kept of it."""
