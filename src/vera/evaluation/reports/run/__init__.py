"""The report of a run: one page with tables, tests and players, the same numbers for programs, and figures."""
