"""Access to the API server: requests, lists, watches, the Lease."""
