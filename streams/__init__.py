"""contact-streams: the live numbers a contact centre is run by, from its event log.

Read `pipeline.py` first: it is the architecture in one page. Then the folders in the way of the data: `events`,
`contacts`, `facts`, `windows`, `metrics`; around that pure core `sources`, `sinks`, `worker`, `wallboard`, `cli`.
"""

__version__ = "0.1.0"
