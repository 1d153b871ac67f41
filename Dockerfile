# The operator, the command line and the actions' runner in one image, as a user without rights.
# Without Docker, `python -m dev.images build` makes its equivalent.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python3 -m venv /build \
    && /build/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/build.txt \
    && python3 -m venv --without-pip /opt/workflow \
    && /build/bin/pip --python /opt/workflow/bin/python3 install --no-cache-dir --require-hashes \
        --only-binary :all: -r requirements/runtime.txt \
    # The Kubernetes client's asynchronous twin: 41 MB that nothing uses.
    && rm -r /opt/workflow/lib/python3.11/site-packages/kubernetes/aio
COPY pyproject.toml README.md ./
COPY operator operator
RUN /build/bin/hatchling build --target wheel --directory /wheels \
    && /build/bin/pip --python /opt/workflow/bin/python3 install --no-cache-dir --no-deps --no-index \
        /wheels/*.whl

FROM python:3.11-slim-bookworm
RUN mkdir -p /home/nonroot && chown 65532:65532 /home/nonroot
COPY --from=build /opt/workflow /opt/workflow
ENV PATH=/opt/workflow/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 \
    HOME=/home/nonroot \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYDANTIC_DISABLE_PLUGINS=true \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /home/nonroot
ENTRYPOINT ["orchestrator"]
