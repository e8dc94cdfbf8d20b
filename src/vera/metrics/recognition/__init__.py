"""Which object or place a picture shows, by the features of a classifier that took no part in training."""
