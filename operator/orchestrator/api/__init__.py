"""The REST API: what users and programs do on a cluster, over HTTP, with their own rights."""
