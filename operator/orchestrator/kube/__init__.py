"""How the API server is spoken to: requests, lists, watches, the Lease."""
