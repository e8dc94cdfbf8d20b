"""What raters and the researcher see of a study over HTTP; no method has a name here."""
