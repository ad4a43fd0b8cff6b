"""The curators' dashboard: a client of the backend over HTTP."""
