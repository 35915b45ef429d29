"""Which questions a sheet has, and their numbers."""

from homework import made


def test_sections_keep_their_numbers():
    whole, some = made("homework"), made("homework", questions=["numbers", "steps"])
    assert set(some.questions) < set(whole.questions)
    assert list(some.questions)[0] == "1.1" and list(some.questions)[-1] == "5.17"
    assert made("homework", questions="steps").questions == {
        "1.1": whole.questions["1.1"]
    }
