"""The one error of the development cluster."""


class ClusterError(Exception):
    """Something is missing or went wrong; the message says in one line what, and what to do."""
