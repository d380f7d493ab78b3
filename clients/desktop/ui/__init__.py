"""Windows, pages and widgets of the office client."""
