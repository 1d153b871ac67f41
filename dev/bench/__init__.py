"""Times the operator beside a bare client that does the least any controller must do."""
