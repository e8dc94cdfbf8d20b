"""Making layered samples: renders of 3D models, and folders in the released layout."""
