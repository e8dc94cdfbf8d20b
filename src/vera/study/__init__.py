"""The preference study: two edits side by side, three forced choices, and what the answers show.

`design` is drawn before anybody is asked (`study`, `blocks`, `trials`, `registration`), `create` makes the folder,
`server` shows it to raters, `store` keeps what they answer, `analysis` tells what it means.
"""
