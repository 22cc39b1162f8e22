# The Python that the tests run on.
ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim AS build
WORKDIR /src
RUN python -m venv /opt/sluice
# Dependencies first: their layer lasts until the lock changes. Every file is checked against its hash.
COPY requirements.lock ./
RUN /opt/sluice/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY app ./app
COPY migrations ./migrations
COPY docs/samples ./docs/samples
RUN /opt/sluice/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .

FROM python:${PYTHON_VERSION}-slim
RUN groupadd --system --gid 10001 sluice \
 && useradd --system --uid 10001 --gid sluice --home-dir /data --shell /usr/sbin/nologin sluice \
 && install --directory --owner sluice --group sluice /data
COPY --from=build /opt/sluice /opt/sluice
ENV PATH=/opt/sluice/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SLUICE_DATABASE_URL=sqlite:////data/sluice.db \
    SLUICE_HOST=0.0.0.0 \
    SLUICE_LOG_FORMAT=json
USER 10001:10001
WORKDIR /data
VOLUME /data
# Whoever calls needs a key: `sluice keys create`.
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('SLUICE_PORT', '8000') + '/livez', timeout=3)"]
ENTRYPOINT ["sluice"]
CMD ["serve"]
