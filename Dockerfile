# The operator, the command line and the actions' runner in one image, as an unprivileged user.
# `make images` builds it with Docker, or with buildah where there is no Docker daemon.

# 3.11.16, the index of all platforms. docs/decisions/2026-11-29-one-recipe-for-the-image.md
ARG BASE=docker.io/library/python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${BASE} AS libraries
WORKDIR /src
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python3 -m venv /build \
    && /build/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/build.txt \
    && python3 -m venv --without-pip /opt/workflow \
    && /build/bin/pip --python /opt/workflow/bin/python3 install --no-cache-dir --no-compile --require-hashes \
        --only-binary :all: -r requirements/runtime.txt \
    # The Kubernetes client's asynchronous twin: 41 MB that nothing uses.
    && rm -r /opt/workflow/lib/python3.11/site-packages/kubernetes/aio \
    # Bytecode that is valid whatever its source's date: the same in each build, and read without a stat.
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/workflow/lib

FROM libraries AS package
COPY pyproject.toml README.md ./
COPY operator operator
RUN /build/bin/hatchling build --target wheel --directory /wheels \
    && /build/bin/pip --python /opt/workflow/bin/python3 install --no-cache-dir --no-compile --no-deps --no-index \
        --prefix /package /wheels/*.whl \
    && python3 -m compileall -q --invalidation-mode unchecked-hash -s /package -p /opt/workflow /package/lib

FROM ${BASE}
# ssh for the actions that run commands on other hosts, git for those on repositories. What apt writes
# beside the packages differs from build to build.
RUN apt-get -qq update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends git openssh-client \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/cache/ldconfig/aux-cache \
        /var/log/apt /var/log/alternatives.log /var/log/dpkg.log /etc/*- \
        /usr/share/doc/git /usr/share/doc/openssh-client /usr/share/man
# The published base has no bytecode of the standard library, and a read-only container writes none:
# every pod would compile what it imports.
RUN python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash -x 'lib2to3/tests|site-packages|dist-packages' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && echo nonroot:x:65532: >> /etc/group \
    && echo nonroot:x:65532:65532::/home/nonroot:/usr/sbin/nologin >> /etc/passwd \
    && mkdir /home/nonroot && chown 65532:65532 /home/nonroot
# A layer of its own: a new release changes only the small one after it.
COPY --from=libraries /opt/workflow /opt/workflow
COPY --from=package /package /opt/workflow
ENV PATH=/opt/workflow/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 \
    HOME=/home/nonroot \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYDANTIC_DISABLE_PLUGINS=true \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /home/nonroot
# Fails where the base lacks a library that a dependency is linked with, or the user's name.
RUN python3 -c 'import getpass, orchestrator.cli.main, orchestrator.controller.main; getpass.getuser()'
LABEL org.opencontainers.image.title="iTechSmart Workflow" \
    org.opencontainers.image.description="The operator, the command line and the shipped actions" \
    org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["orchestrator"]
