"""What watches over the numbers: rules for Prometheus, routes for Alertmanager, dashboards for Grafana.

All of it is generated from the KPI catalogue and a configuration, as plain data and text: nothing here does I/O. May
import configuration, catalogue, metric names, and, in `dashboards` alone, grafana-foundation-sdk. Start at
`rules.rules`, `alertmanager.routes`, `dashboards.dashboards`.
"""
