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


# ----------------------------------------------------------------- one row at a time


def rows_of(text, delimiter=None, decimal=".", **how):
    file = io.StringIO(text, newline="")
    return _rows.Rows("f", file, delimiter, decimal, **how)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_names_and_rows_are_the_fields_between_the_delimiter(delimiter):
    text = ' a ,"b,c"\r\n1,"x""y"\r\n,\r\n"2\r\n3",4\r\n,\r\n\r\n'
    given = delimiter if delimiter == "|" else None
    rows = rows_of(text.replace(",", delimiter), given)
    assert rows.names == ["a", f"b{delimiter}c"]
    assert list(rows.rest()) == [
        (2, ["1", 'x"y']),
        (3, ["", ""]),  # blank, and not the last
        (4, ["2\r\n3", "4"]),
    ]


def test_a_delimiter_is_recognised_by_the_row_after_the_names_too():
    assert rows_of("a, b;t\n1,5;2\n", decimal=",").names == ["a, b", "t"]
    assert rows_of('"a;b",t\n1,2\n').names == ["a;b", "t"]
    assert rows_of("a,b\tt\n1\t2\n").names == ["a,b", "t"]
    assert rows_of("t\n1\n").names == ["t"]
    assert rows_of("a,b,c;d\n1\n").names == ["a", "b", "c;d"]  # none fits: the most
    with pytest.raises(ValueError) as caught:
        rows_of("a;b,c\n1;2,3\n")
    assert str(caught.value) == (
        "f, row 1: expected one of ',', ';' between the names, got more than one that "
        "could be it; give delimiter=',', say"
    )


def test_what_is_plain_comes_as_numbers_in_blocks(monkeypatch):
    text = 'a,t,b\n1,x,2\n3, y ,4\n5,z,6\n7,"w",8\n9,v,0\n'
    for room, sizes in ((1, [1, 1, 1]), (2**18, [])):
        monkeypatch.setattr(_rows, "_BLOCK", room)
        rows = rows_of(text)
        found = list(rows.plain([2, 0], 1))
        assert [len(numbers) for _, numbers, _ in found] == sizes
        if sizes:
            assert [row for row, _, _ in found] == [2, 3, 4]
            assert [n.tolist() for _, n, _ in found] == [[[2, 1]], [[4, 3]], [[6, 5]]]
            assert [texts for _, _, texts in found] == [["x"], ["y"], ["z"]]
        rest = list(rows.rest())  # goes on where it stopped
        assert rest[-2:] == [(5, ["7", "w", "8"]), (6, ["9", "v", "0"])]
        assert len(rest) == 5 - len(sizes)


@pytest.mark.parametrize("decimal", [".", ","])
def test_plain_rows_are_of_each_column_or_of_some_and_with_holes(decimal):
    text = "a;b\n1.5;2\n?;4\n".replace(".", decimal)
    ((row, numbers, texts),) = rows_of(text, decimal=decimal).plain([0, 1], holes=1)
    assert (row, texts) == (2, [])
    np.testing.assert_array_equal(numbers, [[1.5, 2], [np.nan, 4]])
    ((_, numbers, _),) = rows_of(text, decimal=decimal).plain([1])
    assert numbers.tolist() == [[2], [4]]
    assert not list(rows_of(text, decimal=decimal).plain([0, 1]))  # a hole is none


@pytest.mark.parametrize(
    "line",
    ["1,2,3", "1", "inf,2", "1e999,2", "1_0,2", "x,2", "nan,2", '"1",2', "+nan,2"],
)
def test_what_numpy_would_read_otherwise_is_left_to_the_csv_module(line):
    rows = rows_of(f"a,b\n{line}\n")
    assert not list(rows.plain([0, 1]))
    assert next(rows._fields) == (2, line.replace('"', "").split(","))


def test_the_next_row_can_be_looked_at():
    rows = rows_of("a,b\n1, x \n2,y\n")
    assert (rows.first(1), rows.first(0)) == ("x", "1")
    assert [row for row, _ in rows.rest()] == [2, 3]
    assert rows.first(1) == ""
    assert rows_of('a,b\n"1",x\n').first(1) == ""
    assert rows_of("a,b\n1,x,2\n").first(1) == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "f: expected a row of names and at least one below it, got 0 rows"),
        ("\na\n", "f, row 1: expected the names of columns, got a blank row"),
        ("a,,b\n", "f, row 1: .* got none for the one at place 2; name it"),
        (",b\n", "f, row 1: .* place 1; is it an index"),
        ("a,b,a\n", "f, row 1: expected each name once, got 'a' twice"),
        ("a,b\n1\n", "f, row 2: expected 2 fields, got 1; column 'b' is the first"),
        (
            "a,b\n1,2\n1,2,3\n",
            "f, row 3: expected 2 fields, got 3; the last .* 'b'; is",
        ),
        ("a,b\n1,2\n\n1,2\n", "f, row 3: expected 2 fields, got 0; column 'a'"),
        ('a,b\n"1"2,3\n', "f, row 2: expected text with ',' between fields, got "),
        ("a,b\n1,\udcff\n", "f, row 2: expected text in None, got the byte 0xff; save"),
    ],
)
def test_a_row_that_is_none_is_refused_with_its_number(text, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        list(rows_of(text, ",").rest())


def test_a_row_is_as_long_as_it_may_be(monkeypatch):
    monkeypatch.setattr(_rows, "_LONGEST", 10)
    text = "a,b\n1234567,8\n1,2\n"
    assert len(list(rows_of(text, ",").rest())) == 2
    with pytest.raises(
        ValueError, match="row 2: expected at most 10 characters, got mo"
    ):
        list(rows_of(text.replace("8", "89"), ",").rest())


def test_one_row_of_data_is_too_few_in_the_singular():
    rows = rows_of("a\n1\n")
    assert str(rows.too_few(1)).endswith("got 1 row")
    assert str(rows.too_few(0)).endswith("got 0 rows")


def test_fields_become_numbers_or_are_named():
    rows = rows_of("a;b;c\n", decimal=",")
    fields = ["1,5", " -2 ", " NA "]
    np.testing.assert_array_equal(rows.numbers(7, fields, [1, 0, 2]), [-2, 1.5, np.nan])
    for wrong in ("1.5", "1_0", "x", "inf", "1e999"):
        with pytest.raises(ValueError) as caught:
            rows.numbers(7, ["1", wrong, "2"], [0, 1])
        assert str(caught.value).startswith(
            f"f, row 7, column 'b': expected a finite number, got {wrong!r}; "
        )
        assert "name the columns that are numbers, columns=[…], or " in str(
            caught.value
        )
    largest = ["1,7e308", "1,7e308", "1"]  # finite, though their sum is not
    assert rows.numbers(7, largest, [0, 1]) == [1.7e308, 1.7e308]


def test_an_option_that_there_is_not_is_not_advised():
    def spelled(name, value=None):
        return f"--{name} {value}" if name == "decimal" else ""

    rows = rows_of("a,b\n", spelled=spelled)
    with pytest.raises(ValueError) as caught:
        rows.numbers(2, ["1,5", "2"], [0, 1])
    assert "is ',' its decimal sign? give --decimal ,; a thousands" in str(caught.value)
    assert "columns" not in str(caught.value)


# ------------------------------------------------------------------- texts and signs


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("1.5", ".", 1.5),
        ("-1,5e1", ",", -15.0),
        ("1.5", ",", None),
        ("1,5", ".", None),
        ("1_0", ".", None),
        ("nan", ".", None),
        ("-inf", ".", None),
        ("", ".", None),
    ],
)
def test_a_number_is_finite_and_has_the_decimal_sign(text, decimal, number):
    assert _rows.number_of(text, decimal) == number


def test_a_text_without_letters_is_like_a_number():
    for text in ("1", "1e5", "1,5", "1 000", "2001-02-03", "12%", "inf"):
        assert _rows.is_like_a_number(text), text
    for text in ("", "a", "1st", "?", "4 or 5"):
        assert not _rows.is_like_a_number(text), text


def test_holes_are_known_in_any_case():
    assert all(map(_rows.is_hole, ["", "  ", "?", "-", "NA", "n/A", " None ", "NULL"]))
    assert not any(map(_rows.is_hole, ["0", "--", "na n", "x", "."]))


def test_what_an_error_shows_is_short_and_tells_alike_apart():
    assert _rows.shown("a", "b c") == "'a', 'b c'"
    assert _rows.shown("т") == "'т' ('\\u0442')"
    assert _rows.shown("x" * 61) == f"'{'x' * 60}'…"
    assert _rows.shown("x" * 60) == f"'{'x' * 60}'"
    names = [f"c{i}" for i in range(21)]
    assert _rows.shown(*names[:20]).count(",") == 19
    assert _rows.shown(*names).endswith("'c19', … (21 columns)")


def test_a_delimiter_is_one_sign_that_stands_in_no_number():
    for delimiter in (None, ",", ";", "\t", "|", " ", ":"):
        _rows.check_delimiter("f", delimiter, ".")
    _rows.check_delimiter("f", ",", ".")
    for delimiter in ("", ";;", "e", "5", ".", "-", "+", "_", '"', "\n", "\r"):
        with pytest.raises(ValueError, match=r"^f: .* one sign .* with decimal='\.'$"):
            _rows.check_delimiter("f", delimiter, ".")
    with pytest.raises(ValueError, match=r"got ',' with decimal=','$"):
        _rows.check_delimiter("f", ",", ",")
    with pytest.raises(TypeError, match=r"^f: expected delimiter to be a str .*got 1$"):
        _rows.check_delimiter("f", 1, ".")
