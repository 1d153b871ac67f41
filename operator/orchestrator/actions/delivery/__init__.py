"""Actions that build, test and release software."""
