"""What a result carries over from its source besides pictures: tracks, records, metadata."""
