"""What the shipped actions do, inside the Job that the operator made for their node."""
