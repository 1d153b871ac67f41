"""What this process knows of one active execution between two reconciliations."""
