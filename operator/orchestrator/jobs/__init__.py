"""Decision and Template to Job; Job and Pod to what was observed."""
