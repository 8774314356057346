"""The command line: one module per command, each with a click command named `command`.

Owns what users type and read; the work itself is done by `pipeline`, `sources`, `worker`, `wallboard`. Start from
`main` (the group), `replay`, `options` (what commands have in common). Heavy modules are imported inside the commands,
so that `--help` is fast.
"""
