"""What a release consists of, made from one commit: `python -m dev.release`.

Everything but the image's base is pinned in the repository, and every date is the commit's, so that
two builds of a commit on one base are the same, byte for byte.
"""
