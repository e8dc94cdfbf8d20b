"""What the studio's API takes and gives, with the ranges of every value."""
