"""One node: gathered and classified, then started, retried, repeated, waited for or skipped."""
