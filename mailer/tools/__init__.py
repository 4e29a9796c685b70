"""Small tools that know nothing of newsletters: addresses, clock, tokens, fetching, HTML, templates."""
