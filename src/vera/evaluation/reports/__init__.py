"""Records as tables, comparisons and contact sheets, with their uncertainty."""
