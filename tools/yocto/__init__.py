"""The Yocto layer, tried against clones of the layers that it stands on, without a network.

`python -m tools.yocto check` parses it and resolves the image's graph for each board (`make yocto-check`);
`kas` runs bitbake, on the commits of `yocto-layer/kas/*.lock.yml`.
"""
