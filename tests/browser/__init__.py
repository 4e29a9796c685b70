"""The public pages as people meet them: in a real Chromium, on a real web server, with real mail.

`walk.py` leads a visitor past every page; the tests look at each stop in their own way, and
`python -m tests.browser.pictures` takes its portrait.
"""
