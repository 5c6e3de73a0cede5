"""Brain data, damaged."""

from pathlib import Path

import pytest

from tests.fuzz.harness import run_reader


@pytest.mark.parametrize("name", ["cifti", "labels", "nifti", "nifti.gz", "gifti", "hdf5"])
def test_only_our_own_errors_come_out(name: str, tmp_path: Path) -> None:
    run_reader(name, tmp_path)
