"""What a picture's file says of its own origin: the evidence ledger."""
