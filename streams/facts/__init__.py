"""What flows between the two stages: integer facts about dimensions.

Owns the primitives (`primitives.P`), the histogram bins (`bins.Bins`) and the wire format of the `facts` topic
(`wire.Delta`, `wire.Row`, `wire.Progress`). Imports nothing of the project.
"""
