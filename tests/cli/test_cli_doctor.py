"""`doctor`."""

from __future__ import annotations

import json

import pytest

from brainflix.cli import bench, checks
from brainflix.cli.output import Output
from brainflix.settings import Settings


def test_doctor_reports_everything_and_leaves_nothing(toy, brainflix, monkeypatch):
    monkeypatch.setenv("BRAINFLIX_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_TOKEN", "")
    said = brainflix("doctor", "--json", "--offline", "--device", "cpu")
    assert said.code == 0 and "hf_secret" not in said.out + said.err
    found = {check["name"]: check["found"] for check in json.loads(said.out)["checks"]}
    assert found["device"].startswith("cpu, float32 (cpu asked for")
    assert found["attention"] == "sdpa (xformers has no CPU kernel)"
    assert found["libx264"] == "encodes H.264" and "libavcodec" in found["ffmpeg"]
    assert found["store publishing"] == "write, fsync and rename work"
    assert found["offline"] == "yes" and found["Hugging Face token"] == "yes, from the settings"
    assert found["version torch"] and found["store free space"].endswith("GB")
    assert sorted(path.name for path in toy.iterdir()) == ["recipes"]


def test_a_check_that_breaks_does_not_hide_the_others(toy, brainflix, monkeypatch):
    def broken(device, precision):
        raise RuntimeError("driver too old")

    monkeypatch.setattr("brainflix.device.pick_compute", broken)
    said = brainflix("doctor")
    assert said.code == 5 and "driver too old" in said.out and "driver too old" in said.err
    assert "store publishing" in said.out and "2 checks failed" in said.err
    assert brainflix("doctor", "-q").lines == ["device", "attention"]


def test_a_store_below_a_file_is_found_out(toy):
    (toy / "file").write_text("")
    [found] = checks.check_store(Settings(store=toy / "file" / "store"))
    assert found.state == checks.BAD and "is a file" in found.found


def test_a_disk_that_cannot_rename_is_found_out(toy, monkeypatch):
    def refuse(source, target):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(checks.os, "rename", refuse)
    found = checks.probe(toy)
    assert found.state == checks.BAD and "not supported" in found.found
    assert sorted(path.name for path in toy.iterdir()) == ["recipes"]


def test_a_disk_whose_rename_replaces_is_found_out(toy, monkeypatch):
    monkeypatch.setattr(checks.os, "rename", lambda source, target: None)
    assert checks.probe(toy).state == checks.BAD


def test_file_system_is_that_of_the_deepest_mount(tmp_path):
    assert checks.file_system(checks.Path("/proc/self")) == "proc"
    assert checks.file_system(tmp_path) not in ("", "unknown", "proc")


def test_token_is_looked_for_where_hugging_face_keeps_it(toy, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_HOME", str(toy / "hf"))
    found = {check.name: check.found for check in checks.check_network(Settings())}
    assert found["Hugging Face token"].startswith("no")
    (toy / "hf").mkdir()
    (toy / "hf" / "token").write_text("hf_x")
    found = {check.name: check.found for check in checks.check_network(Settings())}
    assert found["Hugging Face token"] == "yes, from hf auth login"


def test_bench_times_every_kernel_that_serves(monkeypatch):
    monkeypatch.setattr(bench, "_SHAPES", {"cpu": ((1, 2, 16, 8),)})
    rows = bench.bench_attention(Settings(device="cpu"), Output(quiet=True))
    assert [row["kernel"] for row in rows] == ["sdpa", "xformers"]
    assert rows[0]["milliseconds"] > 0 and rows[0]["largest difference"] == 0.0
    assert rows[1]["milliseconds"] is None and "no CPU kernel" in rows[1]["why"]


@pytest.mark.parametrize("mode", ["--json", "--quiet"])
def test_bench_is_part_of_doctor(toy, brainflix, monkeypatch, mode):
    monkeypatch.setattr(bench, "_SHAPES", {"cpu": ((1, 1, 8, 8),)})
    said = brainflix("doctor", "--bench", "--device", "cpu", mode)
    assert said.code == 0
    if mode == "--json":
        assert len(json.loads(said.out)["bench"]) == 2
