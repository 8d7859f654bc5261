"""Trains the network that turns sound into mouth motion: `python -m tools.train --out DIR`."""
