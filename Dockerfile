# The Python that the tests run on. Give it with a digest to build from what you have checked:
#     docker build --build-arg PYTHON_IMAGE=python:3.11-slim@sha256:… -t sluice .
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# Two folders: pip and what builds Sluice stay in the first, what runs goes into the second. Each file is checked against
# its hash, and each of the two layers lasts until its lock file changes.
COPY requirements-build.lock ./
RUN python -m venv /opt/build \
 && /opt/build/bin/python -m pip install --require-hashes -r requirements-build.lock
# `--build-arg EXTRA=-otel` adds what traces need.
ARG EXTRA=""
COPY requirements.lock requirements-otel.lock ./
RUN python -m venv --without-pip /opt/sluice \
 && /opt/build/bin/python -m pip --python /opt/sluice/bin/python install --no-compile --require-hashes -r requirements${EXTRA}.lock
COPY pyproject.toml README.md LICENSE ./
COPY app ./app
COPY migrations ./migrations
COPY docs/samples ./docs/samples
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
 && /opt/build/bin/python -m pip --python /opt/sluice/bin/python install --no-compile --no-deps /wheel/*.whl
RUN /opt/sluice/bin/python -m compileall -q -f -j 0 --invalidation-mode unchecked-hash /opt/sluice/lib

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Sluice" \
      org.opencontainers.image.description="A durable queue in front of Marketo's Bulk Import" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Whoever runs it cannot write there, so a module that is not compiled now would be compiled anew at each start: the base
# image has the standard library uncompiled. Its pip is of no use here.
RUN groupadd --system --gid 10001 sluice \
 && useradd --system --uid 10001 --gid sluice --home-dir /data --no-create-home --shell /usr/sbin/nologin sluice \
 && install --directory --owner sluice --group sluice --mode 0700 /data \
 && rm -rf /usr/local/lib/python3.*/site-packages/* /usr/local/lib/python3.*/ensurepip /usr/local/bin/pip* \
 && python -m compileall -q -j 0 -x '/(test|tests|idlelib|lib2to3|turtledemo|tkinter)/' \
      "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/sluice /opt/sluice
# The one setting made here is where it listens, which is a matter of the container: any other would go before a secret
# that is mounted. Nothing is a volume by itself, for that would leave one behind with each container.
ENV PATH=/opt/sluice/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SLUICE_HOST=0.0.0.0
USER 10001:10001
# SQLite's file is here unless another database is set, and only as long as the container: mount a volume.
WORKDIR /data
# Whoever calls needs a key: `sluice keys create`.
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 CMD ["sluice", "health"]
# A container's first process is sent no signal that it has no handler for. A blocked one waits until `sluice` heeds it, from
# some hundredths of a second after the start on.
ENTRYPOINT ["env", "--block-signal=TERM,INT", "sluice"]
CMD ["serve"]
