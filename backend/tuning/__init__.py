"""The loop: a head fine-tuned on logged vectors, compared and made ready to serve. No torch."""
