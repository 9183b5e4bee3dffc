# One image for all four processes: the argument says which (serve, work live, work bulk, clock).
# docs/operations.md tells how it is run.

FROM python:3.13-slim AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/runtime.txt requirements/dev.txt requirements/
RUN python -m venv /opt/sprintwarden \
    && /opt/sprintwarden/bin/pip install --require-hashes -r requirements/runtime.txt
# What builds the wheel is locked with the development tools; the others of those are not needed here.
RUN sed -nE '/^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/,/^    # via/p' requirements/dev.txt \
      > requirements/build.txt \
    && pip install --require-hashes -r requirements/build.txt
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/sprintwarden/bin/pip install --no-deps --no-index /wheels/*.whl

FROM python:3.13-slim
RUN groupadd --system --gid 10001 sprintwarden \
    && useradd --system --uid 10001 --gid sprintwarden --no-create-home --home-dir /var/lib/sprintwarden sprintwarden \
    && install -d -o sprintwarden -g sprintwarden -m 0750 /var/lib/sprintwarden
COPY --from=build /opt/sprintwarden /opt/sprintwarden
ENV PATH=/opt/sprintwarden/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    SPRINTWARDEN_HOST=0.0.0.0 \
    SPRINTWARDEN_CONFIG=/etc/sprintwarden \
    SPRINTWARDEN_DATA=/var/lib/sprintwarden
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["sprintwarden"]
CMD ["serve"]
