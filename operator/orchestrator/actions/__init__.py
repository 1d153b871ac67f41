"""The shipped actions, which run inside the Job that the operator created for their node."""
