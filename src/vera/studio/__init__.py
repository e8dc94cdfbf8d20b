"""The editor in the browser: projects, takes and frames over the service and its jobs."""
