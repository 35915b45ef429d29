"""Students' files: one that is right, and what the checks find in another."""

from pathlib import Path

from mlp.worksheets import exercises

FOLDER = Path(__file__).parent / "worksheets" / "submissions"
RIGHT = (FOLDER / "right.py").read_text("utf-8")
# A ReLU that returns half a gradient.
HALVED = RIGHT.replace("grad_output * self.on", "grad_output * self.on / 2")


def classes(source=RIGHT, file="submission.py"):
    """Return what a file of this text defines."""
    namespace = {}
    exec(compile(source, file, "exec"), namespace)
    return namespace


def results(exercise, source, file="submission.py"):
    """Return what each check of an exercise says of a file's text."""
    return list(exercises.run(exercise, classes(source, file), file))


def lost(exercise, old, new):
    """Return the points that right.py loses by a change, by check, and what is said."""
    assert old in RIGHT
    found = [r for r in results(exercise, RIGHT.replace(old, new)) if r.sentence]
    return {r.check: r.maximum - r.score for r in found}, [r.sentence for r in found]


def assert_costs(exercise, old, new, costs, said):
    """Assert which points a change of right.py loses, by check, and what is said."""
    found, sentences = lost(exercise, old, new)
    assert found == costs, sentences
    assert any(said in sentence for sentence in sentences), sentences


def assert_all_refuse(names, mistakes):
    """Assert that each check of these exercises refuses one of the mistakes."""
    refused = {
        (exercise, check) for exercise, _, _, costs, _ in mistakes for check in costs
    }
    checks = {(n, check.name) for n in names for check in exercises.EXERCISES[n].checks}
    assert refused == checks
