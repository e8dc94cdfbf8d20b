"""The released data set's layout: reading it, training from it and writing one's own."""
