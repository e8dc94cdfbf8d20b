"""What every page of Vera stands on: an app with access by link, exact hosts, confined media, uploads and events."""
