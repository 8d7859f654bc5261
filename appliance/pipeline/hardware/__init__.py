"""What this machine can do, what the pipeline will use of it and why, and how warm it gets meanwhile.

    found = probe()             # appliance.pipeline.hardware.probe: everything found, nothing decided
    choice = choose(found)      # appliance.pipeline.hardware.choose: what is used, and each refusal with its reason
    with Recorder() as recorder: ...
    recorder.summary()          # appliance.pipeline.hardware.telemetry: temperatures and loads over a job

Every module that reads the machine takes `root`, the directory that stands for `/`, so that a copied `/proc` and
`/sys` tree of a board can be read anywhere. All dataclasses here turn to JSON by `dataclasses.asdict`.
"""
