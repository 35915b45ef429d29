"""read_csv: what is read, and what is refused with file, row and column."""

import errno
import os
import pathlib
import pickle
import tempfile
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import written

from mlp.data import read_csv
from mlp.data import rows as _rows

# ------------------------------------------------------------------- read_csv


def test_read_csv_takes_the_target_out_of_its_place(tmp_path):
    path = written(tmp_path, "a,t,b\n1,2,3\n-4,5e-1,.6\n")
    data = read_csv(path, "t")
    assert data.x.tolist() == [[1, 3], [-4, 0.6]]
    assert data.y.tolist() == [[2], [0.5]]
    assert data.feature_names == ("a", "b")
    assert data.target_names == ("t",)
    assert data.source == str(path)
    assert "x of shape (2, 2), y of shape (2, 1)" in repr(data)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffa,t\r\n1,2\r\n",  # as a spreadsheet writes it
        'a , t\n"1", 2\n',
        "a,t\n1,2\n\n,\n\n",
        "a,t\n1,2",
    ],
)
def test_read_csv_takes_what_other_programs_write(tmp_path, text):
    data = read_csv(str(written(tmp_path, text)), "t")
    assert (data.x.tolist(), data.y.tolist()) == ([[1]], [[2]])
    assert data.feature_names == ("a",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,t\n1,2\n,2\n", "row 3, column 'a': expected a finite number, got ''"),
        ("a,t\n1,x\n", "column 't': expected at least two classes, got 'x' alone"),
        ("a,t\n1,2\n1,x\n", "row 3, column 't': expected a finite number.*got 'x'"),
        ("a,t\n1,x\n1,2\n", "row 3, column 't': expected a text, as .*got '2'"),
        ("a,t\n1,nan\n", "row 2, column 't': expected a value, got 'nan'"),
        ("a,t\n-inf,1\n", "row 2, column 'a': .*got '-inf'"),
        ("a,t\n1_000,1\n", "row 2, column 'a': .*got '1_000'"),
        ('a,t\n"1,5",1\n', "row 2, column 'a': .*got '1,5'"),
        ("a,b,t\n1,2,3\n4,5\n", "row 3: expected 3 fields, got 2; column 't'"),
        ("a,t\n1,2\n\n3,4\n", "row 3: expected 2 fields, got 0; column 'a'"),
        ("a,t\n1,2,3\n", "row 2: expected 2 fields, got 3"),
        ("a,b\n1,2\n", "row 1: expected a column 't' as the target, got 'a', 'b'"),
        ("a|t\n1|2\n", "row 1: expected a column 't' as the target, got 'a|t'.*delim"),
        ("a,,t\n1,2,3\n", "row 1: expected a name for each column.*place 2"),
        ("t\n1\n", "row 1: expected a column to predict 't' from"),
        ("a,a,t\n1,2,3\n", "row 1: expected each name once, got 'a' twice"),
        ("a,t\n", "at least one below it, got 1 row$"),
        ("", "at least one below it, got 0 rows"),
        ("\n\n", "at least one below it, got 0 rows"),
        ("\na,t\n1,2\n", "row 1: expected the names of columns, got a blank row"),
        ("a,t\n\0,1\n", r"row 2"),
        ('a,t\n"2"3,1\n', "row 2: expected text.* is each quote"),
        ('a,t\n1,2\n1,"2', "row 3: expected text.*unexpected end"),
        ('a,t\n1,"2\n3,4\n5,6\n', "row 2: expected text"),
        ('a,"t\n1,2\n', "row 1: expected text"),
        ('a,t\n2"3,1\n', "row 2, column 'a': expected a finite number, got '2\"3'"),
        (",a,t\n0,1,2\n", r"place 1; is it an index\? .* df.to_csv\(path, index=False"),
        ('"","a","t"\n"1",1,2\n', r"place 1; is it an index\?"),
        ("a,t\n0,1,2\n", "expected 2 fields, got 3.*an index without a name"),
        ("t\u200b,a\n1,2\n", r"got 't\\u200b' \('t\\u200b'\), 'a'"),
        ("т,a\n1,2\n", r"column 't' as the target, got 'т' \('\\u0442'\), 'a'"),
        ("a,t\n1,2\n１_0,4\n", r"row 3, column 'a': .*got '１_0' \('\\uff11_0'\)"),
        ("a,t\n" + "x" * 999 + ",1\n", r"got 'x{60}'…; name the col"),
    ],
)
def test_read_csv_names_file_row_and_column(tmp_path, text, sentence):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=f"read_csv: {path}.*{sentence}"):
        read_csv(path, "t")


def test_read_csv_of_another_encoding(tmp_path):
    with pytest.raises(ValueError, match="expected text in utf-8"):
        read_csv(written(tmp_path, "größe,t\n1,2\n", "latin-1"), "t")


@pytest.mark.parametrize("row", [1, 2, 3, 4000])
def test_read_csv_names_the_row_of_a_byte_that_is_no_text(tmp_path, row):
    lines = [b"a,t"] + [b"1,2"] * 5000
    lines[row - 1] += b"\xff"
    path = tmp_path / "table.csv"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(ValueError, match=f"row {row}: .*in utf-8.*, got the byte 0xff"):
        read_csv(path, "t")


def test_read_csv_of_no_file(tmp_path):
    path = tmp_path / "no.csv"
    with pytest.raises(FileNotFoundError, match=r"no\.csv: cannot be read") as caught:
        read_csv(path, "t")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, str(path))
    with pytest.raises(IsADirectoryError, match="cannot be read"):
        read_csv(tmp_path, "t")


NUMBERS = ["1", " -2.5 ", "+.5", "1.", "1e-300", "0", "-0.0", "1E5", "\u0661"]
OTHERS = ["", " ", "x", "nan", "-Infinity", "1e999", "1_0", "0x1", "1,5", "1 2", "1\n"]
QUOTED = [f'"{text}"' for text in (*NUMBERS, "\r\n7", "8\n")]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(NUMBERS * 4 + QUOTED + OTHERS),
            st.sampled_from(NUMBERS + QUOTED),
            st.sampled_from(NUMBERS * 4 + QUOTED + OTHERS),
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([1, 10, 2**18]),
    st.sampled_from([None, ["b", "a"], ["b"]]),
)
def test_read_csv_is_float_of_each_field_and_names_the_first_that_is_none(
    rows, ending, block, columns
):
    """Whatever NumPy reads and whatever the csv module does, it is one reader."""
    texts = [[field.strip('"') for field in row] for row in rows]
    features = columns or ["a", "b"]
    wrong = [
        (f"row {i + 2}, ", f"row {i + 2}, column {name!r}: ")
        for i, row in enumerate(texts)
        for name in features
        if row["atb".index(name)] in OTHERS[:-1]
    ]
    fields = [[f'"{f}"' if f in {"1,5", "1\n"} else f for f in row] for row in rows]
    text = ending.join(",".join(row) for row in [["a", "t", "b"], *fields])
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_rows, "_BLOCK", block)
        path = written(pathlib.Path(folder), text)
        if not wrong:
            data = read_csv(path, "t", columns=columns)
            expected = [[float(r["atb".index(f)]) for f in features] for r in texts]
            assert data.x.tolist() == expected
            assert data.y.tolist() == [[float(row[1])] for row in texts]
        else:
            with pytest.raises(ValueError) as caught:
                read_csv(path, "t", columns=columns)
            assert any(
                place in str(caught.value) for row, place in wrong if row == wrong[0][0]
            )


READINGS = ["1", "2.5", "", "NA", '"-3"']
LABELS = ["low", "high", " low ", "-", "", "?", '"hi, there"', '"a\nb"', "3rd", "None"]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["1", "2.5", "", "NA", '"-3"']), st.sampled_from(LABELS)
        ),
        min_size=1,
        max_size=9,
    ),
    st.sampled_from([1, 2**18]),
    st.sampled_from(["drop", "mean"]),
)
def test_read_csv_of_classes_and_holes_is_what_a_loop_makes_of_them(
    rows, block, missing
):
    rows = [*rows, ("1", "low"), ("2", "high")]
    read = [[field.strip('"').strip() for field in row] for row in rows]
    holes = {"", "-", "?", "NA", "None"}
    target_holes = any(label in holes for _, label in read)
    if missing == "drop":
        read = [row for row in read if not holes & {*row}]
    numbers = [float(number) for number, _ in read if number not in holes]
    mean = sum(numbers) / len(numbers)
    expected = [mean if number in holes else float(number) for number, _ in read]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_rows, "_BLOCK", block)
        text = "\n".join(",".join(row) for row in [("a", "t"), *rows])
        path = written(pathlib.Path(folder), text)
        if missing == "mean" and target_holes:
            with pytest.raises(ValueError, match="column 't': expected a value"):
                read_csv(path, "t", missing=missing)
            return
        data = read_csv(path, "t", missing=missing)
    assert data.x.ravel().tolist() == pytest.approx(expected, rel=1e-15)
    assert data.classes == sorted({label for _, label in read})
    assert data.target_names == tuple(data.classes)
    labels = [data.classes[k] for k in data.y.argmax(axis=1)]
    assert labels == [label for _, label in read]
    assert data.y.sum(axis=1).tolist() == [1] * len(read)
    where = [[number in holes] for number, _ in read]
    assert (data.filled is None and not np.any(where)) or (
        data.filled.tolist() == where and missing == "mean"
    )


def test_read_csv_gives_arrays_of_their_own(tmp_path):
    data = read_csv(written(tmp_path, 'a,t,b\n1,2,3\n"4",5,6\n'), "t")
    for array in (data.x, data.y):
        assert array.dtype == np.float64
        assert array.flags.c_contiguous and array.flags.writeable
        assert pickle.loads(pickle.dumps(array)).tolist() == array.tolist()
    data.x[...] = 0
    assert data.y.tolist() == [[2], [5]]


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such device")
def test_read_csv_of_a_device_without_end():
    with pytest.raises(ValueError, match="/dev/zero, row 1: expected at most 8388608"):
        read_csv("/dev/zero", "t")


def test_read_csv_needs_little_more_than_the_room_of_the_numbers(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (1000, 200))
    names = ",".join(f"c{i}" for i in range(199)) + ",t"
    path = tmp_path / "table.csv"
    for quote in ("", '"'):  # read by NumPy, and by the csv module
        lines = [names, *(",".join(f"{quote}{v}{quote}" for v in row) for row in x)]
        path.write_text("\n".join(lines))
        tracemalloc.start()
        data = read_csv(path, "t")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert np.array_equal(np.hstack([data.x, data.y]), x)
        assert peak < 1.5 * 8 * x.size + 2.5e6


def test_read_csv_of_many_columns_is_linear(tmp_path):
    """40,000 names compared with each other took 24 seconds."""
    n = 40_000
    header = ",".join(["t", *(f"c{i}" for i in range(n))])
    path = written(tmp_path, f"{header}\n{'1,' * n}2\n")
    start = time.process_time()
    assert read_csv(path, "t").x.shape == (1, n)
    with pytest.raises(ValueError, match=rf"'t', 'c0', .*'c18', … \({n + 1} columns\)"):
        read_csv(path, "u")
    assert time.process_time() - start < 5


def test_read_csv_of_the_wrong_types(tmp_path):
    with pytest.raises(TypeError, match="target to be a str, got 0"):
        read_csv(tmp_path, 0)
    with pytest.raises(TypeError, match="path to be a str or path, got 0"):
        read_csv(0, "t")


# ------------------------------------- delimiters, signs, encodings, columns, classes


@pytest.mark.parametrize(
    ("text", "how", "x", "y"),
    [
        ("a;b;t\n1.5;2;3\n", {}, [[1.5, 2]], [[3]]),
        ("a\tt\n1\t2\n", {}, [[1]], [[2]]),
        ("a|t\n1|2\n", {"delimiter": "|"}, [[1]], [[2]]),
        ("a;b;t\n1,5;2;-3,5e1\n", {"decimal": ","}, [[1.5, 2]], [[-35]]),
        ('a;b;t\n"1,5";2;3\n', {"decimal": ","}, [[1.5, 2]], [[3]]),
        ('a,t\n"1,5",2\n', {}, None, "got '1,5'; is ','"),
        ("a\tt\n1,5\t2\n", {"decimal": ","}, [[1.5]], [[2]]),
        ("weight, kg;height, cm;t\n1;2;3\n", {}, [[1, 2]], [[3]]),
        ('"a;b",c,t\n1,2,3\n', {}, [[1, 2]], [[3]]),
        ("a, b;t\n1,5;2\n", {}, None, "expected one of ',', ';' between the names"),
        ("a, b;t\n1,5;2\n", {"delimiter": ";", "decimal": ","}, [[1.5]], [[2]]),
        ("a;t\n1.234,5;2\n", {"decimal": ","}, None, "got '1.234,5'; take"),
        ("a;t\n1.234;2\n", {"decimal": ","}, None, "got '1.234'; is '.' its decimal"),
        ("a;t\n1 000;2\n", {}, None, "row 2, column 'a': .*got '1 000'"),
        ("a;t\n1;1,5\n2;2,5\n", {}, None, "row 2, column 't': .*got '1,5'; is ','"),
        ("a;t\n1;2001-02-03\n", {}, None, "column 't': .*got '2001-02-03'"),
        ("a,t\n1e400,2\n", {"missing": "mean"}, None, "row 2, .*got '1e400'"),
        ("a,t\n1,1e400\n", {}, None, "row 2, column 't': .*finite number, got '1e400'"),
        ("a,t\ntrue,2\n", {}, None, "row 2, column 'a': .*got 'true'; .* in pandas"),
        ('"a\nb",t\n"1\n",2\n', {}, [[1]], [[2]]),
        ("a,b,t\n1,rome,2\n", {}, None, "column 'b': .*got 'rome'; .*columns=.*pandas"),
        ("a,b,t\n1,rome,2\n", {"columns": ["a"]}, [[1]], [[2]]),
        ('a,b,t\n1,"x, y",2\n', {"columns": ["a"]}, [[1]], [[2]]),
        ("a,b,t\n1,2,3\n", {"columns": ("b", "a")}, [[2, 1]], [[3]]),
        ("a,t\n1,2\n", {"columns": ["a", "t"]}, None, "row 1: .*without the target"),
        ("a,t\n1,2\n", {"columns": ["q"]}, None, "row 1: .*a file without 'q'; it has"),
        ("a,t\n1,yes\n2,no\n", {}, [[1], [2]], [[0, 1], [1, 0]]),
        ("a,t\n1,yes\n2,\n", {"missing": "drop"}, None, "two classes, got 'yes' alone"),
        ("a,t\n1,1\n2,0\n", {"classes": [0, 1]}, [[1], [2]], [[0, 1], [1, 0]]),
        ("a,t\n1,1.0\n2,0\n", {"classes": ["1", "0"]}, [[1], [2]], [[1, 0], [0, 1]]),
        ("a,t\n1,b\n", {"classes": ["c", "b", "a"]}, [[1]], [[0, 1, 0]]),
        ("a,t\n1,b\n", {"classes": ["a", "c"]}, None, "2, .*one of 'a', 'c', got 'b'"),
        ("a,t\n1,None\n", {"classes": ["None", "c"]}, [[1]], [[1, 0]]),
        ("a,t\n1,None\n2,c\n", {}, None, "row 2, .*got 'None'; .*if it is a class"),
        ("a,t\n1,4-5\n", {"classes": ["4-5", "6+"]}, [[1]], [[1, 0]]),
        ("a,t\n1,2\n?,3\n5,?\n", {"missing": "drop"}, [[1]], [[2]]),
        ("a,t\n,2\n", {"missing": "drop"}, None, "a missing value, got none of 1"),
        ("a,t\n1,2\n-,3\n", {"missing": "mean"}, [[1], [1]], [[2], [3]]),
        ("a,t\n1,\n", {"missing": "mean"}, None, "row 2, column 't': expected a value"),
        ("a,t\nNA,2\n", {"missing": "mean"}, None, "column 'a': expected a number to"),
        ("a,t\n9e307,1\n9e307,1\n,1", {"missing": "mean"}, [[9e307]] * 3, [[1]] * 3),
    ],
)  # fmt: skip
def test_read_csv_is_right_or_refuses_with_its_place(tmp_path, text, how, x, y):
    path = written(tmp_path, text)
    if x is None:
        with pytest.raises(ValueError, match=f"(?s)^read_csv: {path}.*{y}"):
            read_csv(path, "t", **how)
    else:
        data = read_csv(path, "t", **how)
        assert (data.x.tolist(), data.y.tolist()) == (x, y)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_read_csv_in_an_encoding(tmp_path, encoding):
    path = written(tmp_path, "größe;t\r\n1;süß\r\n2;fad\r\n", encoding)
    given = {} if encoding.startswith("utf-8") else {"encoding": encoding}
    data = read_csv(path, "t", **given)
    assert (data.feature_names, data.classes) == (("größe",), ["fad", "süß"])
    if given:
        with pytest.raises(ValueError, match="row 1: expected text in utf-8-sig, got"):
            read_csv(path, "t")
    else:
        with pytest.raises(ValueError, match="expected text in utf-16, got bytes"):
            read_csv(path, "t", encoding="utf-16")


def test_what_a_dataset_knows_of_holes(tmp_path):
    path = written(tmp_path, "a,b,t\n1,,x\n3,4,y\n,8,x\n3,4,x\n")
    data = read_csv(path, "t", missing="mean")
    assert data.x.tolist() == [[1, 16 / 3], [3, 4], [7 / 3, 8], [3, 4]]
    assert data.filled.tolist() == [
        [False, True],
        [False] * 2,
        [True, False],
        [False] * 2,
    ]
    assert "x of shape (4, 2), 2 filled, y" in repr(data)
    assert read_csv(path, "t", missing="drop").filled is None
    assert read_csv(path, "t", missing="mean", columns=["a"]).filled.sum() == 1


def test_a_hole_in_the_target_is_named_where_numpy_reads(tmp_path):
    path = written(tmp_path, "a,b,t\n1,,1\n3,4,\n")
    with pytest.raises(ValueError, match="row 3, column 't': expected a value"):
        read_csv(path, "t", missing="mean")


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"delimiter": ";;"}, ValueError, "delimiter to be one sign"),
        ({"delimiter": "e"}, ValueError, "delimiter to be one sign"),
        ({"delimiter": ",", "decimal": ","}, ValueError, "delimiter to be one sign"),
        ({"delimiter": 1}, TypeError, "delimiter to be a str"),
        ({"decimal": ";"}, ValueError, "decimal to be one of"),
        ({"encoding": "klingon"}, ValueError, "encoding to be one that Python knows"),
        ({"encoding": "base64"}, ValueError, "encoding to be one that Python knows"),
        ({"encoding": None}, TypeError, "encoding to be a str"),
        ({"missing": "median"}, ValueError, "missing to be one of"),
        ({"columns": "a"}, TypeError, "columns to be a list of names, got 'a'"),
        ({"columns": [0]}, TypeError, "columns to be a list of names"),
        ({"columns": []}, ValueError, "columns to be a list of names, each once"),
        ({"columns": ["a", "a"]}, ValueError, "columns to be .* each once"),
        ({"classes": "yes"}, TypeError, "classes to be a list of texts or numbers"),
        ({"classes": 3}, TypeError, "classes to be a list of texts or numbers"),
        ({"classes": ["a", "a"]}, ValueError, "classes to be .* each once"),
    ],
)
def test_read_csv_of_wrong_arguments(tmp_path, how, error, words):
    with pytest.raises(error, match=f"^read_csv: expected {words}"):
        read_csv(written(tmp_path, "a,t\n1,2\n"), "t", **how)
