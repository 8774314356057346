"""What brings events in: canonical files, the way of a line to its topic, Kafka as producer, the simulator.

Imports `errors` and the pure core. Start from `files.read_lines`, `routing.Router`, `kafka.Sender`.
"""
