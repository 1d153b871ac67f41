"""Actions that notify people."""
