"""The commands of `mouthpiece`, a file for each group. Like `cli`, which puts them together, they know every room."""
