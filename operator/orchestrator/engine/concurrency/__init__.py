"""Concurrency slots: which execution runs now, and what the others report while they wait."""
