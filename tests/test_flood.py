"""Valid webhooks beside a flood, at a server as it is started; `python -m bench flood` tells more and takes longer."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.heavy
def test_beside_a_flood_no_valid_webhook_is_lost_or_waits_for_a_second() -> None:
    command = [sys.executable, "-m", "bench", "flood", "--seconds", "10", "--slow", "900"]

    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)

    found = json.loads(said.stdout)
    assert (found["beside"]["statuses"], found["beside"]["lost"]) == ({"200": 500}, 0)
    assert found["beside"]["forged_a_second"] > 100
    assert found["beside"]["p99_ms"] < 1_000
    assert found["most_memory_mb"] < 512
