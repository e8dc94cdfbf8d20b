"""Tasks, leases, events and answers: one SQLite file, written before anything is acknowledged."""
