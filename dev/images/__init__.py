"""The container image: the Dockerfile, built by Docker or, without its daemon, by buildah.

`python -m dev.images build` writes build/images/itechsmart-workflow.tar, unless nothing changed.
"""

from dev.images.build import archive, build, name

__all__ = ["archive", "build", "name"]
