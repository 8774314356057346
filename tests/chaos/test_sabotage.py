"""The suite notices when a guarantee is taken away. (`make chaos` does this for all of them.)"""

import pytest

from tests.chaos.sabotaged import findings

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.timeout(900)]


@pytest.mark.parametrize("which", ["fetches dropped under back-pressure"])
def test_a_run_without_a_guarantee_is_red(which, tmp_path):
    assert findings(which, tmp_path) != []
