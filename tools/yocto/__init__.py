"""The Yocto layer: built with kas, or tried against clones of the layers that it stands on, without a network.

`python -m tools.yocto image` builds what a board is written with (`make image`).
`python -m tools.yocto check` parses it and resolves the image's graph for each board (`make yocto-check`);
`kas` runs bitbake, on the commits of `yocto-layer/kas/*.lock.yml`.
"""
