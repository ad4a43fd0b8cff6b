"""Bytes in, facts out: decoding, fingerprints and guarded fetching of pictures."""
