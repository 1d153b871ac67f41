"""Real servers for tests: mail, SSH, a service manager, a database, S3-compatible storage."""
