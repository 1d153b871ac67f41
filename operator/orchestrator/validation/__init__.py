"""Validation before a run: pure rules over what users wrote, with messages for them."""
