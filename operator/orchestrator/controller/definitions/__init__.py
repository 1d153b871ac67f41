"""The kinds that people write: judged when they change."""
