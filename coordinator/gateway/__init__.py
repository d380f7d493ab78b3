"""The coordinator's doors: HTTP application, MQTT ingest, live push."""
