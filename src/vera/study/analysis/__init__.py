"""What the answers show: read, unblinded, tested as registered, reported."""
