"""Where the numbers go: Prometheus and Redis.

Owns the metric names (`metric_names.metric_names`, the only place that makes one), the scrape
(`prometheus.PrometheusSink`) and what stands in Redis (`redis.RedisSink` writes it, `redis.RedisReader` reads it).
Imports the core. A sink is given the owned facts partitions (`owned.Owned`), a way to look at them (`owned.Look`) and
the time; it holds no number back and makes none up: a null is absent.
"""
