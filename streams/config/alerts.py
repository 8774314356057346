"""From when on somebody is told: what the alerts of `streams.monitoring` compare with, beside the limits of queues."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from streams.config.quantities import PositiveMilliseconds

Text = Annotated[str, Field(pattern=r"^[^\s\"\\]{1,500}$")]
Count = Annotated[int, Field(ge=1)]
Burn = Annotated[float, Field(gt=1)]
Share = Annotated[float, Field(gt=0, lt=1)]


class AlertsConfig(BaseModel):
    """Limits that hold for all queues, and of the pipeline itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: Text = "contact-streams"
    runbooks: Text = "docs/runbooks"
    min_visits: Count = 20
    min_abandoned: Count = 5
    fast_burn: Burn = 3.0
    slow_burn: Burn = 1.5
    min_due_soon: Count = 1
    backlog_growth: Annotated[float, Field(gt=0)] = 0.2
    min_backlog_growth: Count = 10
    delay: PositiveMilliseconds = 10_000
    rejected_share: Share = 0.01
    min_rejected: Count = 20
    checkpoint_age: PositiveMilliseconds = 60_000
