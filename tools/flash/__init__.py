"""Writes what `make image` made to a board or to a disk: `make flash`, docs/FLASHING.md.

With a disk named, its content is written (`disk`), after `target` has refused every disk that is in use and the person
has confirmed what will be erased. Without one, a ROCK 5B in Maskrom mode is written over USB (`maskrom`), and a Jetson
in recovery mode by NVIDIA's tools (`jetson`).
"""
