"""Where runs happen: in processes of this machine, or on a cluster. Rows of the index are all that executors share."""
