"""The example scripts: what they print, how good they are, what they refuse."""

import gzip
import re
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(autouse=True)
def examples_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))


def run(name, *argv):
    """Run examples/<name>.py's main in this process."""
    __import__(name)
    sys.modules[name].main([str(argument) for argument in argv])


def figures(text, row):
    """Return the numbers in the line that begins with row."""
    (line,) = re.findall(rf"^{re.escape(row)}(.*)$", text, re.MULTILINE)
    return [float(number) for number in re.findall(r"-?\d+\.\d+", line)]


def over_seeds(name, capsys, *rows):
    """Return the first figure of each row, as the mean over the seeds 0 to 4."""
    results = []
    for seed in range(5):
        run(name, "--seed", seed)
        text = capsys.readouterr().out
        results.append([figures(text, row)[0] for row in rows])
    return np.mean(results, axis=0)


def test_regression_is_good_and_better_than_least_squares(capsys):
    net, line = over_seeds("regression", capsys, "this net", "least squares")
    assert net >= 0.85
    assert net - line >= 0.04


def test_classification_is_good(capsys):
    net, baseline = over_seeds("classification", capsys, "this net", "Linear + Sigmoid")
    assert net >= 0.96
    assert baseline >= 0.95


def test_digits_is_good_and_better_than_the_nearest_centroid(capsys):
    net, baseline = over_seeds("digits", capsys, "this net", "nearest centroid")
    assert net >= 0.97
    assert net > baseline


@pytest.mark.parametrize("name", ["classification", "digits"])
def test_the_confusion_matrix_agrees_with_the_accuracy(name, capsys):
    run(name)
    text = capsys.readouterr().out
    (accuracy,) = figures(text, "this net")
    table = text.partition("truth (rows)")[2].partition("\n\n")[0].splitlines()[2:]
    counts = np.array([[int(n) for n in line[12:].split()] for line in table])
    assert np.trace(counts) / counts.sum() == pytest.approx(accuracy, abs=5e-4)


def test_the_same_seed_prints_the_same(capsys):
    texts = []
    for _ in range(2):
        run("digits", "--epochs", 2, "--hidden", 5, "--seed", 3)
        texts.append(capsys.readouterr().out.rpartition("trained in")[0])
    assert texts[0] == texts[1]


def test_by_hand_has_the_published_digits(capsys):
    run("by_hand")
    text = capsys.readouterr().out
    assert "(z₁)₁ = 0.15 · 0.05 + 0.20 · 0.10 + 0.35 = 0.3775" in text
    rows = text.partition("as published")[2].strip().splitlines()[1:]
    pairs = [re.findall(r"\d+\.\d+", row) for row in rows]
    assert len(pairs) == 14
    for published, ours in pairs:
        assert published == ours


def vanishing(text):
    """Return the rows of the table by depth as numbers."""
    table = text.partition("depth     sigmoid")[2].partition("\n\n")[0]
    return np.array(
        [[float(n) for n in line.split()] for line in table.splitlines()[1:]]
    )


@pytest.mark.parametrize("matplotlib", [True, False])
def test_sigmoids_gradient_vanishes_within_its_bound_and_relus_does_not(
    matplotlib, tmp_path, capsys, monkeypatch
):
    picture = tmp_path / "norms.png"
    if not matplotlib:
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    run("vanishing_gradients", "--picture", picture)
    text = capsys.readouterr().out
    rows = vanishing(text)
    depth, sigmoid, bound, quarter, relu, relu_bound = rows.T
    assert depth.tolist() == list(range(2, 21))
    np.testing.assert_allclose(quarter, 0.25 ** (depth - 1), rtol=0.01)
    assert np.all(sigmoid < bound)
    assert np.all(relu < relu_bound)
    assert np.all(np.diff(np.log(sigmoid)) < np.log(0.6))  # falls at each layer
    assert sigmoid[-1] < 1e-8
    assert np.all((relu > 0.3) & (relu < 3))
    (after,), (relu_after,) = (
        re.findall(rf"^ *{name}.*→ +(\S+)$", text, re.MULTILINE)
        for name in ("sigmoid", "ReLU")
    )
    assert float(after) > 0.3  # no better than the share of each digit
    assert float(relu_after) < 0.02
    if picture.exists():
        assert picture.read_bytes().startswith(b"\x89PNG")
    else:
        assert "one # for each power of ten" in text


# ------------------------------------------------------------ one's own table


def table(tmp_path, rows=40, target=lambda x: 3 * x[:, 0] - x[:, 1]):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 2))
    columns = np.column_stack([x[:, 0], target(x), x[:, 1]])
    path = tmp_path / "own.csv"
    np.savetxt(path, columns, delimiter=",", header="a,t,b", comments="")
    return path


def test_regression_of_ones_own_table(tmp_path, capsys):
    run("regression", "--csv", table(tmp_path), "--target", "t", "--epochs", 300)
    text = capsys.readouterr().out
    assert "40 rows, 2 features: a, b" in text
    assert figures(text, "least squares")[0] == 1.0
    assert figures(text, "this net")[0] > 0.9


def test_classification_of_ones_own_table(tmp_path, capsys):
    path = table(tmp_path, 200, lambda x: x[:, 0] > x[:, 1])
    run("classification", "--csv", path, "--target", "t")
    text = capsys.readouterr().out
    assert "t = 0" in text
    assert figures(text, "this net")[0] > 0.9


def refused(name, capsys, *argv):
    """Return the sentence with which the script exits with code 2."""
    with pytest.raises(SystemExit) as exit_:
        run(name, *argv)
    captured = capsys.readouterr()
    assert exit_.value.code == 2
    sentence = captured.err.rpartition(f"{'error: '}")[2]
    assert sentence.count("\n") == 1
    return sentence


SCRIPTS = ["regression", "classification"]
EIGHT = "".join(f"{i},{i % 2}\n" for i in range(8))


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"a,t\n{EIGHT}9,\n", "own.csv, row 10, column 't': expected a finite number"),
        (f"a,t\n{EIGHT}x,1\n", "own.csv, row 10, column 'a': .*got 'x'"),
        (f"a,t\n{EIGHT}9\n", "own.csv, row 10: expected 2 fields, got 1; column 't'"),
        ("a,b\n1,2\n", "own.csv, row 1: expected a column 't'"),
        ("t\n1\n0\n", "own.csv, row 1: expected a column to predict 't' from"),
        ("a,t\n1,0\n2,1\n", "own.csv: expected at least 8 rows.*got 2"),
        ("", "own.csv: expected a row of names"),
    ],
)
def test_a_wrong_table_is_one_sentence(name, text, sentence, tmp_path, capsys):
    path = tmp_path / "own.csv"
    path.write_text(text)
    said = refused(name, capsys, "--csv", path, "--target", "t")
    assert re.search(sentence, said)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_missing_file_is_one_sentence(name, tmp_path, capsys):
    said = refused(name, capsys, "--csv", tmp_path / "no.csv", "--target", "t")
    assert "no.csv: cannot be read: No such file" in said


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("given", [("--csv", "own.csv"), ("--target", "t")])
def test_csv_and_target_go_together(name, given, capsys):
    assert "--csv FILE and --target COLUMN go together" in refused(name, capsys, *given)


def test_a_class_that_is_not_0_or_1_is_named_with_its_row(tmp_path, capsys):
    path = tmp_path / "own.csv"
    path.write_text(f"a,t\n{EIGHT}8,0.5\n")
    said = refused("classification", capsys, "--csv", path, "--target", "t")
    assert "own.csv, row 10, column 't': expected 0 or 1, got 0.5" in said


def test_a_target_that_does_not_vary_is_refused(tmp_path, capsys):
    path = table(tmp_path, target=lambda x: x[:, 0] * 0 + 7)
    said = refused("regression", capsys, "--csv", path, "--target", "t")
    assert "column 't': expected a target that varies, got 7 in all" in said


def test_numbers_too_large_to_square_are_one_sentence(tmp_path, capsys):
    path = tmp_path / "own.csv"
    rows = [f"{i},{i}\n" for i in range(12)]
    rows[2] = "2,1e200\n"
    path.write_text("a,t\n" + "".join(rows))
    for seed in range(3):  # among the training rows, or those held out
        said = refused(
            "regression", capsys, "--csv", path, "--target", "t", "--seed", seed
        )
        assert "without such large numbers" in said


@pytest.mark.parametrize("name", [*SCRIPTS, "digits"])
@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--epochs", "-1", "argument --epochs: expected at least 1 and at most"),
        ("--epochs", "0", "argument --epochs: expected at least 1"),
        ("--hidden", "0", "argument --hidden: expected at least 1"),
        ("--hidden", "1.5", "argument --hidden: expected a whole number, got '1.5'"),
        ("--batch-size", "0", "argument --batch-size: expected at least 1"),
        ("--seed", "-1", "argument --seed: expected at least 0"),
        ("--lr", "0", "argument --lr: expected a finite number above 0, got '0'"),
        ("--lr", "-0.1", "argument --lr: expected a finite number above 0"),
        ("--lr", "nan", "argument --lr: expected a finite number above 0"),
        ("--lr", "inf", "argument --lr: expected a finite number above 0"),
        ("--lr", "x", "argument --lr: expected a finite number above 0, got 'x'"),
        ("--lr", "1e300", "try a smaller --lr"),
        ("--hidden", "999999999", "try a smaller --hidden"),
        ("--hidden", "9" * 30, "argument --hidden: expected at least 1 and at most"),
        ("--colour", "red", "unrecognized arguments"),
    ],
)
def test_an_option_out_of_range_is_one_sentence(name, option, value, sentence, capsys):
    assert sentence in refused(name, capsys, option, value)


def idx(array):
    """Return an array of bytes in the IDX format."""
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def clothes(folder, zipped=True):
    """Write pictures of 5 by 4 whose kind is the place of a bright column or row."""
    rng = np.random.default_rng(0)
    for part, n in (("train", 240), ("t10k", 60)):
        kinds = rng.integers(0, 10, n)
        pictures = rng.integers(0, 60, (n, 5, 4))
        pictures.reshape(n, 20)[np.arange(n), 2 * kinds] = 250
        for name, array in (("images-idx3", pictures), ("labels-idx1", kinds)):
            content = idx(array)
            path = folder / f"{part}-{name}-ubyte{'.gz' if zipped else ''}"
            path.write_bytes(gzip.compress(content) if zipped else content)
    return folder


@pytest.mark.parametrize("zipped", [True, False])
def test_fashion_mnist_learns_what_can_be_learned(zipped, tmp_path, capsys):
    folder = clothes(tmp_path, zipped)
    options = "--hidden", 32, "--batch-size", 16, "--epochs", 15
    run("fashion_mnist", "--data", folder, *options)
    text = capsys.readouterr().out
    assert "220 to train on, 20 to watch, 60 to test on" in text
    last = text.splitlines()[-1]
    assert re.fullmatch(r"test accuracy \d\.\d{4}", last)
    assert figures(text, "test accuracy")[0] >= 0.95
    table = text.partition("truth (rows)")[2].partition("\n\n")[0].splitlines()[2:]
    counts = np.array([[int(n) for n in line[12:].split()] for line in table])
    assert counts.sum() == 60
    assert np.trace(counts) / 60 == pytest.approx(
        figures(last, "test accuracy")[0], abs=1e-4
    )
    assert figures(text, "trained in")


def test_fashion_mnist_goes_on_from_its_checkpoint(tmp_path, capsys):
    folder, path = clothes(tmp_path), tmp_path / "run"
    whole = ["--data", folder, "--hidden", 8, "--epochs", 4]
    run("fashion_mnist", *whole, "--checkpoint", path)
    first = capsys.readouterr().out
    run("fashion_mnist", *whole, "--checkpoint", path)
    assert capsys.readouterr().out == first  # the seconds are the file's too
    said = refused(
        "fashion_mnist", capsys, *whole[:2], "--hidden", 9, "--checkpoint", path
    )
    assert "is it another net's" in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "--data DIR is missing, .*dataset-fashion-mnist"),
        (["--data", "no"], "train-images-idx3-ubyte.gz.*; --data is the folder of"),
        (["--data", "cut"], "train-images.*; --data is the folder of Fashion-MNIST"),
        (["--data", ".", "--lr", "1e300"], r"try SGD\(lr=1e\+299\)"),
    ],
)
def test_fashion_mnist_says_what_is_wrong(
    options, sentence, tmp_path, capsys, monkeypatch
):
    clothes(tmp_path)
    (tmp_path / "cut").mkdir()
    images = clothes(tmp_path / "cut") / "train-images-idx3-ubyte.gz"
    images.write_bytes(images.read_bytes()[:-50])
    monkeypatch.chdir(tmp_path)
    assert re.search(sentence, refused("fashion_mnist", capsys, *options))
