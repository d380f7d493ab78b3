"""Database schema and its history (Alembic)."""
