"""The one-value memory that the subjects of a run share."""

from brainflix.memo import Latest


def test_the_same_key_is_made_once_and_a_new_key_replaces_it():
    made = []
    latest = Latest()

    def make(value):
        return lambda: made.append(value) or [value]

    first = latest.get("a", make(1))
    assert latest.get("a", make(2)) is first and made == [1]
    assert latest.get("b", make(3)) == [3] and latest.get("a", make(4)) == [4]
