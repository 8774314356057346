"""Everything at once, nothing to install: the parts of `contact-streams demo`, and who watches over them.

Owns the embedded broker (`broker`: librdkafka's mock cluster), the embedded store (`store`: redis-server or fakeredis),
the simulated centre that feeds them (`centre`), and the one process that starts and ends them all together with an
ordinary worker and an ordinary wallboard (`play.play`, on `supervisor.Supervisor`). For looking only: nothing is kept.
Imports `config`, `sources` and `errors`; the worker and the wallboard are started as the commands they are.
"""
