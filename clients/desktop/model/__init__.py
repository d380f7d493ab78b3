"""What the office client knows and decides, without Qt: API, metadata, formats, lists, forms, live messages."""
