"""The state of one active execution that this process keeps between two reconciliations."""
