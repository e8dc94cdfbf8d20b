"""The smart master (experimental): the source's own packets, except for pictures that change."""
