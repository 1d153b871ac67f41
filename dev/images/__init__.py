"""The product's container image, built with Docker where it is, and without it elsewhere.

`python -m dev.images build` writes build/images/itechsmart-workflow.tar. With a Docker daemon that
is the project's Dockerfile; without one, an equivalent of it in OCI's layout, made from the files
of this machine's Debian packages and the locked requirements, in three layers kept by the hash of
what they are made of. `python -m dev.images check-dockerfile` proves the Dockerfile itself with
buildah.
"""

from dev.images.build import archive, build, name

__all__ = ["archive", "build", "name"]
