"""Models run on cases: predictions, what is measured of them, and one record each."""
