# The service as an image. The first stage fetches what is pinned and builds; the second holds only what runs.
ARG PYTHON_IMAGE=python:3.12.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source

# Libraries first: they change seldom, so their layers are kept.
COPY requirements/ requirements/
RUN python -m venv /opt/gridgov \
 && /opt/gridgov/bin/pip install --no-deps --require-hashes --only-binary :all: -r requirements/app.lock
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

FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 10001 --home-dir /var/lib/gridgov --create-home gridgov
COPY --from=build /opt/gridgov /opt/gridgov
ENV PATH=/opt/gridgov/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/var/lib/gridgov/kernels \
    GRIDGOV_HOST=0.0.0.0 \
    GRIDGOV_PORT=8000 \
    GRIDGOV_DATABASE_URL=sqlite:////var/lib/gridgov/gridgov.gpkg
USER 10001
WORKDIR /var/lib/gridgov
VOLUME ["/var/lib/gridgov"]
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['GRIDGOV_PORT'] + '/healthz', timeout=2)"]
# GRIDGOV_SECRET has no default: the service refuses to start without one. `gridgov init` makes the store first.
CMD ["gridgov", "serve"]
