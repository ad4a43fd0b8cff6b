"""The network in service: preprocessing, weights, runtime and heat maps."""
