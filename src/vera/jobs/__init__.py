"""Work in a queue that survives: one table with leases, workers that claim over HTTP, runners with warm models."""
