"""What curators decided, as a data set: one zip that a training, a colleague or a tool can read."""
