"""The worker: a Faust app that keeps both stages' books on Kafka, one transaction per flush.

Owns everything between a pure book (`streams.books`) and the broker: fetching whole batches (`transport`), restoring
and flushing (`keeper`), who owns what (`keepers`), probes and metrics over HTTP (`health`), the watchdog and the way a
worker starts and ends (`app`). May import the core, sinks and configuration; nothing imports it but the command line.
Start from `app.run_worker`, `keeper.Keeper` and `transport.BatchConsumer`.
"""
