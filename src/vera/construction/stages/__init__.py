"""The stages of the data engine: from footage to samples of the released layout."""
