"""The suite notices when a guarantee is taken away. (`make chaos` does this for all of them.)"""

import pytest

from tests.chaos.sabotage import OCCASIONS, SABOTAGE
from tests.chaos.sabotaged import FAULT_FOR, findings

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.timeout(900)]


@pytest.mark.parametrize("which", ["fetches dropped under back-pressure"])
def test_a_run_without_a_guarantee_is_red(which, tmp_path):
    assert findings(which, tmp_path) != []


def test_each_sabotage_has_something_that_brings_it_to_light():
    assert FAULT_FOR.keys() == SABOTAGE.keys() | OCCASIONS.keys()
