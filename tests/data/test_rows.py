"""The rows of a text file: split, numbered, and refused with their place."""

import io
import re
import time
import tracemalloc

import numpy as np
import pytest
from oracles import written

from mlp.data import read_csv
from mlp.data import rows as _rows
from mlp.data import tables as _tables

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
    monkeypatch.setattr(_rows, "_LONGEST", 2**17)

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
        _tables.table(_rows.Rows("f", file, None, "."), _tables.How("t"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("hole", ["", " ", "?", "-", "n/A", "NaN", "<NA>"])
def test_numpy_reads_rows_with_holes_too(tmp_path, monkeypatch, hole, decimal, end):
    lines = ["a;b;t", f"{hole};{hole};1.5", f"-2;{hole};2", f"{hole};.5;3"]
    path = written(tmp_path, end.join(lines).replace(".", decimal) + end)
    monkeypatch.setattr(_rows.Rows, "rest", lambda self: iter(()))  # the csv module's
    data = read_csv(path, "t", missing="mean", decimal=decimal)
    assert data.x.tolist() == [[-2, 0.5]] * 3
    assert data.filled.tolist() == [[True, True], [False, True], [True, False]]
    assert data.y.ravel().tolist() == [1.5, 2, 3]


@pytest.mark.parametrize("field", ["-nan", "+NaN", "inf", "na n", "--", "1_0", "nan()"])
@pytest.mark.parametrize("target", ["1", "x"])
def test_what_is_no_hole_is_refused_beside_one(tmp_path, field, target):
    path = written(tmp_path, f"a,b,t\n1,,{target}\n{field},2,{target}\n")
    with pytest.raises(ValueError, match="row 3, column 'a'"):
        read_csv(path, "t", missing="mean")


def test_a_point_is_no_hole_where_the_comma_is_the_decimal_sign(tmp_path):
    path = written(tmp_path, "a;b;t\n1;;1\n.;2;1\n")
    with pytest.raises(ValueError, match="row 3, column 'a'"):
        read_csv(path, "t", missing="mean", decimal=",")


@pytest.mark.parametrize(
    ("text", "decimal", "is_number"),
    [("01.01.2020", ",", False), ("1.234.567", ",", True), ("1.5", ",", True)]
    + [("1,5", ".", True), ("-1,234,567", ".", True), ("2020,1,2", ".", False)],
)
def test_a_date_is_not_taken_for_a_number_with_the_other_sign(
    tmp_path, text, decimal, is_number
):
    path = written(tmp_path, f"a;t\n{text};1\n")
    with pytest.raises(ValueError, match="row 2, column 'a'") as caught:
        read_csv(path, "t", decimal=decimal)
    advice = re.compile(r"decimal sign\?|take the thousands separator")
    assert bool(advice.search(str(caught.value))) == is_number


TAKE = "take the thousands separator"


@pytest.mark.parametrize(
    ("text", "decimal", "cure"),
    [
        ("1.234,5", ",", f"{TAKE} '.' out; "),
        ("1.234.567", ",", f"{TAKE} '.' out; "),
        ("1.234.567", ".", f"{TAKE} '.' out; "),
        ("1.234,5", ".", f"{TAKE} '.' out, and give decimal=','; "),
        ("1,234.5", ",", f"{TAKE} ',' out, and give decimal='.'; "),
        ("-1,234,567", ",", f"{TAKE} ',' out; "),
        ("12,34,567.5", ".", f"{TAKE} ',' out; "),
        ("1 234,5", ",", f"{TAKE} ' ' out; "),
        ("1\u202f234.5", ".", rf"{TAKE} '\u202f' out; "),
        ("1'234.5", ".", f'{TAKE} "\'" out; '),
        ("1.234", ",", "is '.' its decimal sign? give decimal='.'; a thousands"),
        ("1,234", ".", "is ',' its decimal sign? give decimal=','; a thousands"),
        ("1.5", ",", "is '.' its decimal sign? give decimal='.'; a thousands"),
        ("01.01.2020", ",", ""),
        ("2020-01-02", ".", ""),
    ],
)  # fmt: skip
def test_the_advice_on_a_number_with_other_signs(tmp_path, text, decimal, cure):
    for row, last in (f"{text};1", "name the col"), (f"1;{text}", "if the col"):
        path = written(tmp_path, f"a;t\n0;0\n{row}\n")
        with pytest.raises(ValueError, match="row 3, column '[at]'") as caught:
            read_csv(path, "t", decimal=decimal)
        advice = str(caught.value).partition(", got ")[2].partition("; ")[2]
        assert advice.startswith(cure or last) and last in advice


def test_read_csv_of_a_wide_table_with_a_text_target_is_as_fast_as_numpy(tmp_path):
    """NumPy reads the numbers there too; the csv module would take twice as long."""
    n = 400
    lines = [",".join(["t", *(f"c{i}" for i in range(n))])]
    lines += [f"{'even' if i % 2 else 'odd'}{',7' * n}" for i in range(1000)]
    path = written(tmp_path, "\n".join(lines))

    def seconds(call):
        def once():
            start = time.process_time()
            call()
            return time.process_time() - start

        return min(once() for _ in range(3))

    plain = {"delimiter": ",", "skiprows": 1, "usecols": range(1, n + 1)}
    ours = seconds(lambda: read_csv(path, "t"))
    assert ours < 2 * seconds(lambda: np.loadtxt(path, **plain))
