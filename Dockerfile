# The service as an image. The first stage fetches what is pinned and builds; the second holds only what runs.
# `make image` replays these steps without an engine (scripts/image.py).
ARG PYTHON_IMAGE=python:3.12.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 DEBIAN_FRONTEND=noninteractive
WORKDIR /source

# A Chinese font under the SIL Open Font License; one of its four files (19 MB) goes into the image.
RUN apt-get update -q \
 && apt-get install -q -y --no-install-recommends fonts-noto-cjk=1:20220127+repack1-1

# Libraries first: they change seldom, so their layers are kept.
COPY requirements/ requirements/
RUN python -m venv /opt/gridgov \
 && /opt/gridgov/bin/pip install --no-deps --require-hashes --only-binary :all: -r requirements/image.lock
COPY package.json package-lock.json ./
COPY scripts/npm scripts/vendor.py scripts/
RUN python -m venv .venv \
 && scripts/npm ci --ignore-scripts --omit=dev --no-audit --no-fund \
 && python scripts/vendor.py

COPY pyproject.toml ./
COPY gridgov/ gridgov/
COPY maps/ maps/
COPY api/ api/
COPY data/ data/
RUN /opt/gridgov/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/gridgov/bin/pip install --no-deps --no-index /wheels/*.whl

# The kernels, compiled for any processor of the architecture: the image runs elsewhere than it is built.
# -I: from where they are installed, since the cache knows a kernel by its file's path.
# numba takes a cache only where it may write, so deploy/entrypoint copies them (2 MB) when a container starts.
ENV NUMBA_CPU_NAME=generic
RUN NUMBA_CACHE_DIR=/opt/gridgov/kernels /opt/gridgov/bin/python -I -c "from gridgov.serving.linking import warm; warm()" \
 && chmod -R a+rX /opt/gridgov
COPY deploy/entrypoint /opt/gridgov/bin/entrypoint

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --no-log-init --home-dir /var/lib/gridgov --no-create-home --shell /usr/sbin/nologin gridgov \
 && install -d -o gridgov -g gridgov -m 0700 /var/lib/gridgov
COPY --from=build /usr/share/doc/fonts-noto-cjk/copyright /usr/share/fonts/opentype/noto/copyright
COPY --from=build /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc /usr/share/fonts/opentype/noto/
COPY --from=build /opt/gridgov /opt/gridgov
ENV PATH=/opt/gridgov/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NUMBA_CPU_NAME=generic \
    NUMBA_CACHE_DIR=/tmp/gridgov-kernels \
    GRIDGOV_HOST=0.0.0.0 \
    GRIDGOV_PORT=8000 \
    GRIDGOV_LOG_FORMAT=json \
    GRIDGOV_DATABASE_URL=sqlite:////var/lib/gridgov/gridgov.gpkg \
    GRIDGOV_ATTACHMENTS_URL=file:///var/lib/gridgov/files
# Nothing is written but below the volume and /tmp, so the root may be read-only: --read-only --tmpfs /tmp.
USER 10001
WORKDIR /var/lib/gridgov
VOLUME ["/var/lib/gridgov"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; asked = http.client.HTTPConnection('127.0.0.1', int(os.environ['GRIDGOV_PORT']), timeout=2); asked.request('GET', '/healthz'); sys.exit(asked.getresponse().status != 200)"]
# GRIDGOV_SECRET has no default: the service refuses to start without one. `gridgov init` makes the store first.
ENTRYPOINT ["entrypoint"]
CMD ["gridgov", "serve"]
