"""Where files begin: one folder is walked into, several are not, and accents do not matter."""

from __future__ import annotations

from pathlib import Path

from brainflix.io.top_folder import find_inside, roots_of, shown_in


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_the_only_folder_is_walked_into_beside_what_file_managers_leave(tmp_path: Path) -> None:
    touch(tmp_path / "purr/v1/Stimuli/a", tmp_path / "purr/v1/Subject01/b", tmp_path / "__MACOSX/purr/._a")
    touch(tmp_path / ".DS_Store", tmp_path / "purr/._v1", tmp_path / "Thumbs.db", tmp_path / "purr/desktop.ini")
    assert roots_of(tmp_path) == [tmp_path, tmp_path / "purr", tmp_path / "purr/v1"]


def test_a_folder_beside_a_file_or_another_is_not(tmp_path: Path) -> None:
    touch(tmp_path / "a/x", tmp_path / "b/x")
    assert roots_of(tmp_path) == [tmp_path] and shown_in(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert roots_of(tmp_path / "absent") == [tmp_path / "absent"]


def test_a_file_is_found_however_its_accents_are_written(tmp_path: Path) -> None:
    touch(tmp_path / "Ko\u0308rper/fu\u0308r.txt")
    found = find_inside(tmp_path, "K\u00f6rper/f\u00fcr.txt")
    assert found is not None and found.samefile(tmp_path / "Ko\u0308rper/fu\u0308r.txt")
    assert find_inside(tmp_path, "Korper/fur.txt") is None and find_inside(tmp_path, "K\u00f6rper") is None
