"""Erase what the log holds of a site, an address, a client or a time, and say what is elsewhere."""
