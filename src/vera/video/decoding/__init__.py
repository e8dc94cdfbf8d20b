"""From a file's packets to whole, upright frames, with what is damaged told."""
