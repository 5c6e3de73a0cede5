"""Near names, sizes and durations in words."""

from hypothesis import given
from hypothesis import strategies as st

from brainflix.wording import count, did_you_mean, format_bytes, format_seconds, suggest


def test_the_nearest_name_or_all_of_them():
    assert suggest("rigde", ["ridge", "mlp"]) == "did you mean 'ridge'?" == did_you_mean("rigde", {"ridge", "mlp"})
    assert suggest("zzzz", ["a", "b"]) == ""
    assert did_you_mean("zzzz", {"b", "a"}) == "known: a, b"
    assert did_you_mean("zzzz", ()) == "known: none"


@given(st.integers(0, 10**15))
def test_bytes_keep_their_size(size):
    number, unit = format_bytes(size).split()
    scale = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[unit]
    assert abs(float(number) * scale - size) <= max(0.5, 0.051 * scale, 0.006 * size)
    assert len(number) <= 5


def test_bytes_examples():
    sizes = [0, 999, 1000, 999_600, 1_500_000, 250 * 10**9]
    assert [format_bytes(size) for size in sizes] == ["0 B", "999 B", "1.0 kB", "1.0 MB", "1.5 MB", "250 GB"]
    assert [format_bytes(n) for n in (10, 7200, 488_000, 31_000_000)] == ["10 B", "7.2 kB", "488 kB", "31.0 MB"]


def test_times_as_people_say_them():
    times = [format_seconds(s) for s in (0.04, 9.96, 59.4, 185, 7620)]
    assert times == ["0.0 s", "10 s", "59 s", "3 min 05 s", "2 h 07 min"]


def test_one_is_one_and_more_are_many() -> None:
    assert [count(n, "clip") for n in (0, 1, 2)] == ["0 clips", "1 clip", "2 clips"]
    assert [count(n, "class", "classes") for n in (1, 3)] == ["1 class", "3 classes"]
