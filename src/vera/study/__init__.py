"""The preference study: two edits side by side, three forced choices, and what the answers show."""
