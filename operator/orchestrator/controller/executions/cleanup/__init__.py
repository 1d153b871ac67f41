"""Removes objects that need not be kept."""
