"""How senders prove that a request is theirs, one scheme a file, listed in `registry`."""
