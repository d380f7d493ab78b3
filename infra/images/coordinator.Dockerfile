# The coordinator's processes: api, worker, ingest, migrate, backup, updater. One image, one version.
FROM node:22-bookworm-slim AS phone
WORKDIR /src
COPY clients/mobile/package.json clients/mobile/package-lock.json clients/mobile/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY clients/mobile/ ./
RUN npm run build

FROM python:3.12-slim-bookworm AS python
COPY infra/setup/tools.txt requirements.lock /src/
RUN python -m venv /opt/usinage/venv \
 && /opt/usinage/venv/bin/pip install --no-cache-dir --require-hashes -r /src/tools.txt \
 && VIRTUAL_ENV=/opt/usinage/venv /opt/usinage/venv/bin/uv pip install --no-cache --require-hashes -r /src/requirements.lock

FROM python:3.12-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends tesseract-ocr tesseract-ocr-fra tesseract-ocr-deu libzbar0 \
    poppler-utils libgl1 libegl1 libfontconfig1 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin usinage
COPY --from=python /opt/usinage/venv /opt/usinage/venv
COPY . /opt/usinage/app
COPY --from=phone /src/dist /opt/usinage/app/clients/mobile/dist
COPY infra/images/probe.py infra/images/entrypoint.sh /opt/usinage/
WORKDIR /opt/usinage/app
ENV PATH=/opt/usinage/venv/bin:$PATH VIRTUAL_ENV=/opt/usinage/venv PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN uv pip install --no-deps --no-build-isolation -e . && chmod 755 /opt/usinage/entrypoint.sh
USER 10001:10001
ENTRYPOINT ["/opt/usinage/entrypoint.sh"]
CMD ["usinage", "serve"]
