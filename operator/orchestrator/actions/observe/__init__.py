"""Actions that read and annotate monitoring."""
