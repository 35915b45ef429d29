"""read_csv: what is read, and what is refused with file, row and column."""

import errno
import io
import os
import pathlib
import pickle
import tempfile
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlp.data import read_csv
from mlp.data import tables as _tables

# ------------------------------------------------------------------- read_csv


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


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
        ("a,t\n1,x\n", "row 2, column 't': expected a finite number, got 'x'"),
        ("a,t\n1,nan\n", "row 2, column 't': expected a finite number, got 'nan'"),
        ("a,t\n-inf,1\n", "row 2, column 'a': .*got '-inf'"),
        ("a,t\n1_000,1\n", "row 2, column 'a': .*got '1_000'"),
        ('a,t\n"1,5",1\n', "row 2, column 'a': .*got '1,5'"),
        ("a,b,t\n1,2,3\n4,5\n", "row 3: expected 3 fields, got 2; column 't'"),
        ("a,t\n1,2\n\n3,4\n", "row 3: expected 2 fields, got 0; column 'a'"),
        ("a,t\n1,2,3\n", "row 2: expected 2 fields, got 3"),
        ("a,b\n1,2\n", "row 1: expected a column 't' as the target, got 'a', 'b'"),
        ("a;t\n1;2\n", "row 1: expected names with commas between, got 'a;t'"),
        ("a,,t\n1,2,3\n", "row 1: expected a name for each column.*place 2"),
        ("t\n1\n", "row 1: expected a column to predict 't' from"),
        ("a,a,t\n1,2,3\n", "row 1: expected each name once, got 'a' twice"),
        ("a,t\n", "at least one of numbers, got 1 row$"),
        ("", "at least one of numbers, got 0 rows"),
        ("\n\n", "at least one of numbers, got 0 rows"),
        ("\na,t\n1,2\n", "row 1: expected the names of columns, got a blank row"),
        ("a,t\n1,\0\n", r"row 2"),
        ('a,t\n"2"3,1\n', "row 2: expected comma-separated text.* is each quote"),
        ('a,t\n1,2\n1,"2', "row 3: expected comma-separated text.*unexpected end"),
        ('a,t\n1,"2\n3,4\n5,6\n', "row 2: expected comma-separated text"),
        ('a,"t\n1,2\n', "row 1: expected comma-separated text"),
        ('a,t\n2"3,1\n', "row 2, column 'a': expected a finite number, got '2\"3'"),
        (",a,t\n0,1,2\n", r"place 1; is it an index\? .* df.to_csv\(path, index=False"),
        ('"","a","t"\n"1",1,2\n', r"place 1; is it an index\?"),
        ("a,t\n0,1,2\n", "expected 2 fields, got 3.*an index without a name"),
        ("t\u200b,a\n1,2\n", r"got 't\\u200b' \('t\\u200b'\), 'a'"),
        ("т,a\n1,2\n", r"column 't' as the target, got 'т' \('\\u0442'\), 'a'"),
        ("a,t\n1,2\n１_0,4\n", r"row 3, column 'a': .*got '１_0' \('\\uff11_0'\)"),
        ("a,t\n1," + "x" * 999 + "\n", r"got 'x{60}'…; fill it"),
    ],
)
def test_read_csv_names_file_row_and_column(tmp_path, text, sentence):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=f"read_csv: {path}.*{sentence}"):
        read_csv(path, "t")


def test_read_csv_of_another_encoding(tmp_path):
    with pytest.raises(ValueError, match="expected comma-separated text in UTF-8"):
        read_csv(written(tmp_path, "größe,t\n1,2\n", "latin-1"), "t")


@pytest.mark.parametrize("row", [1, 2, 3, 4000])
def test_read_csv_names_the_row_of_a_byte_that_is_no_text(tmp_path, row):
    lines = [b"a,t"] + [b"1,2"] * 5000
    lines[row - 1] += b"\xff"
    path = tmp_path / "table.csv"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(ValueError, match=f"row {row}: .*in UTF-8, got the byte 0xff"):
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


@given(
    st.lists(
        st.lists(
            st.sampled_from(NUMBERS * 4 + QUOTED + OTHERS), min_size=3, max_size=3
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([1, 10, 2**18]),
)
def test_read_csv_is_float_of_each_field_and_names_the_first_that_is_none(
    rows, ending, block
):
    """Whatever NumPy reads and whatever the csv module does, it is one reader."""
    texts = [[field.strip('"') for field in row] for row in rows]
    assume(any(texts[-1]))  # blank rows at the end are passed over
    first = next(
        (
            f"row {i + 2}, column {'atb'[j]!r}: "
            for i, row in enumerate(texts)
            for j in (0, 2, 1)  # features, then the target
            if row[j] in OTHERS[:-1]
        ),
        None,
    )
    fields = [[f'"{f}"' if f in {"1,5", "1\n"} else f for f in row] for row in rows]
    text = ending.join(",".join(row) for row in [["a", "t", "b"], *fields])
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_tables, "_BLOCK", block)
        path = written(pathlib.Path(folder), text)
        if first is None:
            data = read_csv(path, "t")
            found = np.column_stack([data.x[:, :1], data.y, data.x[:, 1:]])
            assert found.tolist() == [[float(t) for t in row] for row in texts]
        else:
            with pytest.raises(ValueError) as caught:
                read_csv(path, "t")
            assert first in str(caught.value)


def test_read_csv_gives_arrays_of_their_own(tmp_path):
    data = read_csv(written(tmp_path, 'a,t,b\n1,2,3\n"4",5,6\n'), "t")
    for array in (data.x, data.y):
        assert array.dtype == np.float64
        assert array.flags.c_contiguous and array.flags.writeable
        assert pickle.loads(pickle.dumps(array)).tolist() == array.tolist()
    data.x[...] = 0
    assert data.y.tolist() == [[2], [5]]


ENDLESS = {
    "zeros": "\0" * 2**16,
    "commas": "," * 2**16,
    "digits": "1" * 2**16,
    "numbers": "1," * 2**15,
    "fields over lines": '"\n",' * 2**13,
    "one quoted field": '"' + "1\n" * 2**15,
}


@pytest.mark.parametrize("start", ["", "a,t\n1,2\n"], ids=["header", "row"])
@pytest.mark.parametrize("name", ENDLESS)
def test_a_row_without_end_is_a_sentence_and_takes_no_more_memory(
    start, name, monkeypatch
):
    monkeypatch.setattr(_tables, "_LONGEST", 2**17)

    class Endless(io.RawIOBase):
        left = start.encode()

        def readable(self):
            return True

        def readinto(self, buffer):
            self.left = self.left or ENDLESS[name].encode()
            part = self.left[: len(buffer)]
            self.left = self.left[len(part) :]
            buffer[: len(part)] = part
            return len(part)

    file = io.TextIOWrapper(io.BufferedReader(Endless()), newline="")
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"^f, row {3 if start else 1}: expected "):
        _tables.read("f", file).features_and_target("t")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such device")
def test_read_csv_of_a_device_without_end():
    with pytest.raises(ValueError, match="/dev/zero, row 1: expected at most 8388608"):
        read_csv("/dev/zero", "t")


def test_read_csv_needs_little_more_than_the_room_of_the_numbers(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (2000, 300))
    names = ",".join(f"c{i}" for i in range(299)) + ",t"
    path = tmp_path / "table.csv"
    for quote in ("", '"'):  # read by NumPy, and by the csv module
        lines = [names, *(",".join(f"{quote}{v}{quote}" for v in row) for row in x)]
        path.write_text("\n".join(lines))
        tracemalloc.start()
        data = read_csv(path, "t")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert np.array_equal(np.hstack([data.x, data.y]), x)
        assert peak < 1.5 * 8 * x.size + 2e6


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
