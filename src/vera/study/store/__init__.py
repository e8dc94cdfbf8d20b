"""Where answers are kept: SQLite or PostgreSQL, acknowledged once they are on the disk."""
