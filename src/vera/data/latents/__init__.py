"""Samples that were encoded once, in tar shards."""
