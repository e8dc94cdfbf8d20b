"""Parts of the sampling pipeline: checks of its inputs, coding of clips and texts, windows."""
