"""From a manifest of labelled images to released weights. Needs the extra `train`."""
