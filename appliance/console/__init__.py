"""The web console: what a browser and a script see of the box.

`app` puts it together, `serve` runs it, `security` decides who may do what, `api` is what scripts use and `pages` what
people see. The process that runs it never loads the pipeline, OpenCV, NumPy or torch.
"""
