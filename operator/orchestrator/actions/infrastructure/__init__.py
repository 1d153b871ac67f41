"""Actions on machines and their programs."""
