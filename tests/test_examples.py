"""The example scripts: what they print, how good they are, what they refuse."""

import argparse
import gzip
import importlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest
from oracles import idx

from mlp import CrossEntropyLoss

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


def over_seeds(name, capsys, *rows, seeds=5):
    """Return the first figure of each row, as the mean over so many seeds from 0."""
    results = []
    for seed in range(seeds):
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


def test_digits_is_good_and_better_than_its_baselines(capsys):
    net, sigmoids, nearest = over_seeds(
        "digits", capsys, "this net", "ten sigmoids", "nearest centroid"
    )
    assert net >= 0.975
    assert net > sigmoids > nearest


def test_three_spirals_want_a_hidden_layer(capsys):
    net, line = over_seeds("spirals", capsys, "2-100-3", "linear softmax")
    assert net >= 0.95
    assert 0.45 <= line <= 0.6


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


def test_sigmoids_gradient_vanishes_within_its_bound_and_relus_does_not(capsys):
    run("vanishing_gradients", "--bars")
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


@pytest.mark.parametrize("matplotlib", [True, False])
def test_the_norms_are_a_picture_or_without_matplotlib_bars(
    matplotlib, tmp_path, capsys, monkeypatch
):
    picture = tmp_path / "norms.png"
    if matplotlib:
        pytest.importorskip("matplotlib")
    else:
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    run("vanishing_gradients", "--epochs", 1, "--hidden", 4, "--picture", picture)
    text = capsys.readouterr().out
    assert picture.exists() == matplotlib == ("as a picture: " in text)
    assert ("one # for each power of ten" in text) != matplotlib
    if matplotlib:
        assert picture.read_bytes().startswith(b"\x89PNG")


def by_layer(text, title):
    """Return initialization.py's table under a title: a column for each init."""
    table = text.partition(f"{title}\n")[2].partition("\n\n")[0].splitlines()
    names = table[0].split()[1:]
    rows = np.array([[float(n) for n in line.split()[1:]] for line in table[1:]])
    assert rows.shape == (20, len(names))
    return dict(zip(names, rows.T, strict=True))


def test_variances_through_20_layers_are_as_derived(capsys):
    run("initialization", "--epochs", 1, "--batch-size", 2000)
    text = capsys.readouterr().out
    forward = by_layer(text, "ReLU: mean square of each Linear's output, forward")
    backward = by_layer(text, "ReLU: mean square of ∂ℓ/∂z at that output, backward")
    # half of n v a layer, from layer 2 to 19, all of which have n = m
    wanted = {"glorot": 1 / 2, "he": 1}
    for init, values in forward.items():
        factor = wanted.get(init.partition("_")[0])
        if factor is not None:  # "uniform" has biases
            measured = (values[18] / values[0]) ** (1 / 18)
            assert measured == pytest.approx(factor, rel=0.1), init
    for init, values in backward.items():
        factor = wanted.get(init.partition("_")[0], 1 / 6)
        measured = (values[0] / values[18]) ** (1 / 18)
        assert measured == pytest.approx(factor, rel=0.1), init
    tanh = by_layer(text, "Tanh: mean square of ∂ℓ/∂z at that output, backward")
    assert tanh["uniform"][0] < 1e-6 * tanh["glorot_uniform"][0]


def test_compare_has_a_row_for_each_choice_and_a_picture(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "curves.png"
    options = "--epochs", 2, "--batch-size", 32, "--hidden", 32, "--seeds", 2
    run("compare", *options, "--picture", picture)
    text = capsys.readouterr().out
    assert "means over 2 seeds" in text
    rows = re.findall(r"^(?:optimizer|init|norm) .{15}.*$", text, re.MULTILINE)
    assert len(rows) == 10
    for row in rows:
        _, first, last, right, least, greatest = map(float, row[26:].split())
        assert last < first, row
        assert right > 0.3, row
        assert least <= right <= greatest, row
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_compare_takes_the_lr_of_least_validation_loss(monkeypatch):
    compare = importlib.import_module("compare")
    parts = np.split(np.random.default_rng(0).normal(size=(40, 64)), 2)
    rows, validation = [(x, np.eye(10)[np.arange(20) % 10]) for x in parts]
    args = argparse.Namespace(lr=0.01, seed=0, epochs=2, batch_size=4, hidden=8)
    for choice in compare.CHOICES[:2]:
        losses = {}
        for times in (0.3, 1, 3, 10):
            lr = 0.01 * choice.usual * times
            run = compare.train(choice, lr, 0, rows, args)
            losses[lr] = CrossEntropyLoss()(run.model.predict(validation[0]), rows[1])
        lr, run = compare.best_lr(choice, rows, validation, args)
        assert losses[lr] == min(losses.values()) < max(losses.values())
        assert run.losses == compare.train(choice, lr, 0, rows, args).losses
        monkeypatch.setattr(compare, "SEARCHED", (1, 1e300))
        with np.errstate(over="raise", invalid="raise"):
            assert compare.best_lr(choice, rows, validation, args)[0] == (
                0.01 * choice.usual  # a training that diverges is not the best
            )
        monkeypatch.undo()


def test_compare_says_first_that_matplotlib_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    compare = importlib.import_module("compare")
    monkeypatch.setattr(compare, "load_digits", None)  # nothing is begun
    said = refused("compare", capsys, "--picture", "curves.png")
    assert "--picture needs matplotlib: pip install '.[plot]'" in said


def test_compare_refuses_a_batch_of_one_row(capsys):
    for size in (1, 1009):  # 1010 rows to train on
        said = refused("compare", capsys, "--batch-size", size)
        assert f"which BatchNorm1d refuses, got {size} for 1010 rows" in said


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
        (f"a,t\n{EIGHT}9,\n", "own.csv, row 10, column 't': expected a value"),
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


@pytest.mark.parametrize(
    "name",
    [
        *SCRIPTS,
        *("digits", "spirals", "initialization", "compare", "vanishing_gradients"),
    ],
)
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
        (
            "--hidden",
            "1000000000",
            "argument --hidden: expected at least 1 and at most",
        ),
        ("--hidden", "9" * 30, "argument --hidden: expected at least 1 and at most"),
        ("--colour", "red", "unrecognized arguments"),
    ],
)
def test_an_option_out_of_range_is_one_sentence(name, option, value, sentence, capsys):
    assert sentence in refused(name, capsys, option, value)


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
    options = "--hidden", 32, "--batch-size", 16, "--epochs", 15, "--lr", 0.01
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
    with pytest.warns(UserWarning, match="to leave an epoch to run"):
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
        (["--data", ".", "--lr", "1e300"], r"try AdamW\(lr=1e\+299\)"),
        (["--data", ".", "--batch-size", 219], "at least 2 rows in each batch, .* 220"),
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


# ------------------------------------------------------------- files and streams


def script(name, *argv, encoding="utf-8", **options):
    """Run examples/<name>.py as a process of its own, on a stream of this encoding."""
    environment = os.environ | {
        "PYTHONUTF8": "0",
        "LC_ALL": "C",
        "PYTHONIOENCODING": encoding,
    }
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, argv)]
    return subprocess.Popen(
        command, stdout=PIPE, stderr=PIPE, env=environment, **options
    )


FAST = {
    "by_hand": [],
    "regression": ["--epochs", 1],
    "classification": ["--epochs", 1],
    "digits": ["--epochs", 1, "--hidden", 2],
    "vanishing_gradients": ["--epochs", 1, "--hidden", 4, "--bars"],
    "spirals": ["--epochs", 1, "--hidden", 2],
    "initialization": ["--epochs", 1, "--hidden", 4],
    "compare": ["--epochs", 1, "--hidden", 4, "--seeds", 1],
    "fashion_mnist": ["--epochs", 1, "--hidden", 4, "--data", "."],
}


def test_all_examples_are_tried():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {
        *FAST,
        "common",
        "parallel",  # tests/parallel/test_mpi.py
        "pictures",  # tests/test_course.py
    }


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("name", FAST)
def test_an_example_prints_on_a_stream_without_the_signs(name, encoding, tmp_path):
    clothes(tmp_path)
    process = script(name, *FAST[name], encoding=encoding, cwd=tmp_path)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    text = out.decode(encoding)
    assert len(text.splitlines()) > 5
    assert "?" not in text
    assert "\\" not in text


@pytest.mark.parametrize("name", FAST)
def test_an_example_ends_quietly_with_the_pipe_that_it_writes_to(name, tmp_path):
    clothes(tmp_path)
    process = script(name, *FAST[name], cwd=tmp_path)
    process.stdout.close()  # as head -1 does
    assert process.stderr.read() == b""
    assert process.wait() == 1
    process.stderr.close()


def test_an_example_without_a_stdout_runs_in_silence(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    run("regression", "--epochs", 1)


def test_an_error_is_readable_on_a_stream_without_its_signs(monkeypatch):
    common = importlib.import_module("common")
    errors = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", errors)
    with pytest.raises(SystemExit) as exit_:
        common.Parser("What it does.\n").error("expected θ·x ≤ 1")
    errors.flush()
    assert exit_.value.code == 2
    assert errors.buffer.getvalue().endswith(b"error: expected theta*x <= 1\n")


def test_too_little_memory_is_one_sentence(capsys):
    common = importlib.import_module("common")
    with pytest.raises(SystemExit) as exit_:
        with common.errors_as_sentences(common.Parser(None)):
            raise MemoryError("Unable to allocate 8 TiB")
    assert exit_.value.code == 2
    assert "Unable to allocate 8 TiB; try a smaller --hidden" in capsys.readouterr().err


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_table_that_is_no_regular_file_is_not_read(name, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")  # to open it would wait for a writer
    for path in ("/dev/zero", tmp_path, tmp_path / "pipe"):
        said = refused(name, capsys, "--csv", path, "--target", "t")
        assert "argument --csv: expected a regular file, got" in said
    for path in ("", "a" * 5000):
        said = refused(name, capsys, "--csv", path, "--target", "t")
        assert "cannot be read" in said


@pytest.mark.parametrize("hidden", [1, 4])
def test_a_gradient_of_zero_is_shown_as_no_power_of_ten(hidden, capsys):
    options = "--hidden", hidden, "--epochs", 1, "--seed", 0, "--bars"
    run("vanishing_gradients", *options)
    text = capsys.readouterr().out
    relu = text.partition("\nReLU, by depth\n")[2].partition("\n\n")[0].splitlines()
    table = text.partition("layer     sigmoid        ReLU\n")[2].partition("\n\n")[0]
    norms = [float(line.split()[2]) for line in table.splitlines()]
    assert norms.count(0) > 1  # layers that no gradient reaches
    powers = relu[-1].split()[1:]
    assert [p == "inf" for p in powers] == [norm == 0 for norm in norms]
    bars = re.findall(r"^ +ReLU +\d+ (#*)$", text, re.MULTILINE)
    assert [len(bar) == 0 for bar in bars] == [norm == 0 for norm in norms]


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (".", "expected a file name that ends in .png"),
        ("norms", "expected a file name that ends in .png"),
        ("norms.txt", "expected a file name that ends in .png"),
        ("", "expected a file name that ends in .png"),
        ("folder.png", "expected a file that can be written, in a folder that exists"),
        ("no/norms.png", "expected a file that can be written, in a folder that"),
    ],
)
def test_a_picture_that_cannot_be_saved_is_one_sentence(
    picture, sentence, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("folder.png").mkdir()
    said = refused("vanishing_gradients", capsys, "--picture", picture)
    assert f"argument --picture: {sentence}" in said


def test_a_picture_that_fails_at_the_end_is_one_sentence(capsys):
    pytest.importorskip("matplotlib")
    options = "--epochs", 1, "--hidden", 2, "--picture", "too long" * 100 + ".png"
    said = refused("vanishing_gradients", capsys, *options)
    assert "the picture cannot be saved: " in said


def test_fashion_mnist_refuses_a_part_that_does_not_do(tmp_path, capsys):
    for part, n, size in (("train", 1, 5), ("t10k", 3, 4)):
        for name, array in (
            ("images-idx3", np.ones((n, size, size))),
            ("labels-idx1", np.arange(n)),
        ):
            (tmp_path / f"{part}-{name}-ubyte").write_bytes(idx(array))
    said = refused("fashion_mnist", capsys, "--data", tmp_path)
    assert "expected two training pictures" in said
    for name, array in (("images-idx3", np.ones((4, 5, 5))), ("labels-idx1", [0] * 4)):
        (tmp_path / f"train-{name}-ubyte").write_bytes(idx(np.asarray(array)))
    said = refused("fashion_mnist", capsys, "--data", tmp_path)
    assert "expected test pictures of 25 pixels, as those to train on, got 16" in said
