"""Models on disk and on the hub: finding, checking, opening and describing their folders."""
