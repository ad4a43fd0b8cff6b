"""Where predictions, reviews and images are kept."""
