"""The continuous integration's own check can fail."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = (Path(__file__).resolve().parents[1] / ".ci" / "run").read_text()


@pytest.mark.parametrize(("statuses", "code"), [(["cached", "cached"], 0), (["cached", "ran"], 1), ([], 1)])
def test_a_second_run_that_makes_anything_fails(statuses, code):
    [check] = re.findall(r"--json \| \S+python -c '(.*?)'", SCRIPT, re.DOTALL)
    document = {"stages": [{"ref": f"bold/demo@{i}", "status": status} for i, status in enumerate(statuses)]}
    done = subprocess.run([sys.executable, "-c", check], input=json.dumps(document), text=True, capture_output=True)
    assert done.returncode == code
    assert ("bold/demo@1" in done.stderr) == ("ran" in statuses)
