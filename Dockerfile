# One image for web and worker: `docker run … mailer web`, `… mailer worker`, or `… mailer serve` with SQLite.
FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /app
COPY pyproject.toml README.md CHANGELOG.md ./
COPY mailer mailer
COPY templates templates
RUN /app/bin/pip install --no-cache-dir --disable-pip-version-check .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /data mailer
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MAILER_DATA_DIR=/data \
    MAILER_DATABASE_URL=sqlite:////data/mailer.db \
    MAILER_LISTEN=0.0.0.0:8000
USER mailer
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["mailer"]
CMD ["serve"]
