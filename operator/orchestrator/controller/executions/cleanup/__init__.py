"""What need not be kept is removed."""
