"""The backends of the actions on incidents, one file each."""
