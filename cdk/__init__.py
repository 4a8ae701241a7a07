"""The infrastructure: one stack, built from :mod:`pushwarden.topology`."""
