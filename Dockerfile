ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY loader ./loader
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir /wheels/*.whl \
    && rm -r /wheels \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin loader \
    # Open to any user, because `docker run --user` gives the files of a mounted folder the owner they have outside.
    && install --directory --mode 1777 /checkpoints
USER loader
# Where a checkpoint belongs if the input is mounted read-only, and where a sandbox keeps what it was sent.
WORKDIR /checkpoints
VOLUME /checkpoints
ENTRYPOINT ["pushwoosh-loader"]
CMD ["--help"]
