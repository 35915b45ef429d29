"""The suite's own audit: break mlp on purpose, and see whether a test notices.

A newcomer should learn that a test which cannot fail tests nothing, and that
the way to know is to make the mistake: a sign, a factor, an axis, a dropped
line, one at a time. A mistake that no test sees is a test that is missing, or
it is none: what it changes cannot be seen from outside, and the table says why.

    .venv/bin/python tests/mutation_audit.py                          all of them
    .venv/bin/python tests/mutation_audit.py layers.py optim.py       of these files

Each mutation is made in a copy of the tree. The tests of its own module run
first, and all others only if it lives. docs/mutations.md is written anew; of
files that were not asked for it keeps what it says. A new mutation is one line in
TABLE, after which the audit of its file is to be run. A run of the tests that does
not end within LIMIT counts as a failure, as a mistake may be a loop without end.
"""

from __future__ import annotations

import argparse
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
REPORT = ROOT / "docs" / "mutations.md"
LIMIT = 600  # seconds for one run of tests; the whole suite takes one minute


class Mutation(NamedTuple):
    """A mistake: the file in mlp/, what stands there, what is put in its place."""

    file: str
    old: str
    new: str
    equivalent: str = ""
    """Why no test can see it; "" if one has to."""


# old occurs exactly once in its file
TABLE = [
    # ------------------------------------------------------------------- layers
    ("layers.py", "1 / math.sqrt(n)", "1 / math.sqrt(m)"),
    ("layers.py", "1 / math.sqrt(n)", "1 / n"),
    ("layers.py", "rng.uniform(-bound, bound, (m, n))",
                  "rng.uniform(0, bound, (m, n))"),
    ("layers.py", "bound, (m, n)).astype(dtype)", "bound, (m, n))"),
    ("layers.py", "rng.uniform(-bound, bound, m)", "np.zeros(m)"),
    ("layers.py", "        if has_bias:", "        if True:"),
    ("layers.py", "_checks.linear_input(self, x, w)", "np.asarray(x)"),
    ("layers.py", "x.dot(w.T)", "x.dot(w)"),
    ("layers.py", "y += self.bias.data", "y -= self.bias.data"),
    ("layers.py", "y += self.bias.data", "pass"),
    ("layers.py", "dtype).dot(grad_output)", "dtype).dot(grad_output) / len(x)"),
    ("layers.py", "_ones(len(x), x.dtype).dot(grad_output)",
                  "grad_output.dot(_ones(m, x.dtype))"),
    ("layers.py", "_ones(len(x), x.dtype).dot(grad_output)", "grad_output[0]"),
    ("layers.py", "np.ones(n, dtype)", "np.zeros(n, dtype)"),
    ("layers.py", "np.ones(n, dtype)", "np.ones(n)",
                  "add_grad brings the sum to the parameter's dtype; it is summed in "
                  "float64, exacter and later"),
    ("layers.py", "ones.flags.writeable = False", "pass"),
    ("layers.py", "lru_cache(maxsize=4)", "lru_cache(maxsize=None)"),
    ("layers.py", "lru_cache(maxsize=4)", "lru_cache(maxsize=0)",
                  "the ones are the same, made anew for each batch"),
    ("layers.py", "else g.dot(x)", "else x.T.dot(g.T)"),
    ("layers.py", "else g.dot(x)", "else g.dot(x) / len(x)"),
    ("layers.py", "g @ x if", "x.T @ g.T if"),
    ("layers.py", "g @ x if", "g @ x / len(x) if"),
    ("layers.py", "weight.add_grad(g @ x if w.size > _LARGE else g.dot(x))",
                  "weight.grad = g @ x if w.size > _LARGE else g.dot(x)"),
    ("layers.py", "w.size > _LARGE", "w.size <= _LARGE",
                  "the two ways differ in time alone"),
    ("layers.py", "self._x = None\n        if", "if"),
    ("layers.py", "grad_output.dot(w) if", "grad_output.dot(w.T) if"),
    ("layers.py", "grad_output.dot(w) if needs_input_grad else None",
                  "grad_output.dot(w)"),
    ("layers.py", "x.clip(0, math.inf)", "np.abs(x)"),
    ("layers.py", "x.clip(0, math.inf)", "np.maximum(x, 0.01 * x)"),
    ("layers.py", "x.clip(0, math.inf)", "x.clip(-1, math.inf)"),
    ("layers.py", "x.clip(0, math.inf)", "x.clip(0, 1)"),
    ("layers.py", "x.clip(0, math.inf)", "x.clip(0, np.finfo(x.dtype).max)"),
    ("layers.py", "x.clip(0, math.inf)", "np.fmax(x, 0)"),
    ("layers.py", "x.clip(0, math.inf)", "x.clip(0, math.inf, out=x)"),
    ("layers.py", "np.asarray(x.clip(0, math.inf))", "x.clip(0, math.inf)"),
    ("layers.py", "(y > 0)", "(y >= 0)"),
    ("layers.py", "self._y = None\n        grad_input", "grad_input"),
    ("layers.py", "(y > 0).astype(y.dtype)", "(y > 0)"),
    ("layers.py", "(y > 0).astype(y.dtype)", "(y > 0).astype(np.float64)"),
    ("layers.py", "grad_input *= grad_output", "pass"),
    ("layers.py", "grad_input *= grad_output",
                  "grad_output *= grad_input\n        grad_input = grad_output"),
    ("layers.py", "np.asarray(grad_input)", "grad_input"),
    ("layers.py", "np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))",
                  "1 / (1 + np.exp(-x))"),
    ("layers.py", "np.exp(np.minimum(x, 0))", "np.exp(np.maximum(x, 0))"),
    ("layers.py", "grad_output * y * (1 - y)", "grad_output * (1 - y)"),
    ("layers.py", "grad_output * y * (1 - y)", "grad_output * y * (1 + y)"),
    ("layers.py", "grad_output * y * (1 - y)", "y * (1 - y)"),
    ("layers.py", "_, grad_output = _checks.upstream(self, self._y, grad_output)",
                  "pass"),
    # ------------------------------------------------------------------- losses
    ("losses.py", 'self._reduction == "batchmean"', 'self._reduction == "sum"'),
    ("losses.py", 'self._reduction == "mean"', 'self._reduction != "sum"'),
    ("losses.py", "ŷ, y, ŷ.size", "ŷ, y, ŷ.shape[-1]"),
    ("losses.py", "len(ŷ) if per_row", "ŷ.size if per_row"),
    ("losses.py", "per_row else 1", "per_row else 2"),
    ("losses.py", "float(np.vdot(d, d)) / divisor",
                  "float(np.vdot(d, d)) / divisor / 2"),
    ("losses.py", "float(np.vdot(d, d)) / divisor", "float(np.vdot(d, d))"),
    ("losses.py", "np.asarray(ŷ - y)", "np.asarray(y - ŷ)"),
    ("losses.py", "(2 / self._divisor)", "(1 / self._divisor)"),
    ("losses.py", "d * (2 / self._divisor)", "d * 2"),
    ("losses.py", "d, self._kept = self._kept, None", "d = self._kept"),
    ("losses.py", "(ŷ, y), self._kept = self._kept, None", "ŷ, y = self._kept"),
    ("losses.py", 'self, "target", y,', 'self, "target", ŷ,'),
    ("losses.py", 'self, "prediction", ŷ,', 'self, "prediction", y,'),
    ("losses.py", 'np.errstate(divide="ignore")', "np.errstate()"),
    ("losses.py", "np.maximum(np.log(ŷ), -100)", "np.log(ŷ)"),
    ("losses.py", "np.maximum(np.log(ŷ), -100)", "np.log(np.maximum(ŷ, 1e-12))"),
    ("losses.py", "np.log1p(-ŷ), -100", "np.log1p(-ŷ), -99"),
    ("losses.py", "np.log1p(-ŷ)", "np.log1p(ŷ)"),
    ("losses.py", "np.log1p(-ŷ)", "np.log(1 - ŷ)"),
    ("losses.py", "np.vdot(1 - y, log_no)", "np.vdot(y, log_no)"),
    ("losses.py", " + float(np.vdot(1 - y, log_no))", ""),
    ("losses.py", "(0.0 - total) / divisor", "-total / divisor"),
    ("losses.py", "(0.0 - total) / divisor", "total / divisor"),
    ("losses.py", "(ŷ - y) / np.maximum", "(y - ŷ) / np.maximum"),
    ("losses.py", "np.maximum(ŷ * (1 - ŷ), 1e-12)", "np.maximum(ŷ * (1 - ŷ), 1e-10)"),
    ("losses.py", "np.maximum(ŷ * (1 - ŷ), 1e-12)", "(ŷ * (1 - ŷ))"),
    ("losses.py", "1e-12) / self._divisor", "1e-12)"),
    # --------------------------------------------------------------------- core
    ("core.py", "np.array(array, dtype)", "np.asarray(array, dtype)"),
    ("core.py", "if value is not self._data:", "if value is None:"),
    ("core.py", '_checks.gradient(value, self._data, "Parameter.grad")',
                "np.asarray(value)"),
    ("core.py", "if value is not self._grad:", "if value is None:"),
    ("core.py", "if value is not self._grad:", "if True:"),
    ("core.py", "if self._stale and self._grad.any():", "if self._stale:"),
    ("core.py", "if self._stale and self._grad.any():", "if self._grad.any():"),
    ("core.py", "if self._stale and self._grad.any():", "if False:"),
    ("core.py", "self.grad = self._grad + grad", "self._grad += grad"),
    ("core.py", "self.grad = self._grad + grad", "self.grad = grad"),
    ("core.py", "self.grad = self._grad + grad", "self._grad = self._grad + grad"),
    ("core.py", "stacklevel=_checks.stacklevel_outside()", "stacklevel=2"),
    ("core.py", "(id(p), p) for p in own", "(object(), p) for p in own"),
    ("core.py", "isinstance(value, dict | list | tuple)",
                "isinstance(value, list | tuple)"),
    ("core.py", "_twin(vars(self))", "vars(self)"),
    ("core.py", "if isinstance(value, Layer):\n        return copy.copy(value)",
                "if isinstance(value, Layer):\n        return value"),
    ("core.py", 'type(value)(*items) if hasattr(value, "_fields") else tuple(items)',
                "tuple(items)"),
    ("core.py", "self.forward(prediction, target)", "self.forward(target, prediction)"),
    # --------------------------------------------------------------- sequential
    ("sequential.py", "self._has_forward = False\n        for", "for"),
    ("sequential.py", "        self._has_forward = True\n", ""),
    ("sequential.py", "            self._has_forward = False\n        return",
                      "            pass\n        return"),
    ("sequential.py", "if self._has_forward is False:", "if not self._has_forward:"),
    ("sequential.py", "self._layers[:0:-1]", "self._layers[1:]"),
    ("sequential.py", "self._layers[:0:-1]", "self._layers[::-1]"),
    ("sequential.py", "backward(g, needs_input_grad=needs_input_grad)", "backward(g)"),
    ("sequential.py", "return g if needs_input_grad else None", "return g"),
    ("sequential.py", "if batch_size is None", "if not batch_size"),
    ("sequential.py", "range(0, max(len(x), 1), step)", "range(0, len(x), step)"),
    ("sequential.py", "if np.shape(part)[:1] != (len(batch),):", "if False:"),
    ("sequential.py", "*part.shape[1:]), part.dtype)", "*part.shape[1:]))"),
    ("sequential.py", "copy.copy(layer).forward(z)", "layer.forward(z)"),
    ("sequential.py", "copy.copy(self).forward(x)", "self.forward(x)"),
    ("sequential.py", "parameter.grad = None", "pass"),
    ("sequential.py", "name: data.copy() for", "name: data for"),
    ("sequential.py", 'if not name.startswith("_layers."):', "if True:"),
    ("sequential.py", "if seen.setdefault(id(inside), i) != i:", "if False:"),
    ("sequential.py", "yield from _with_layers_inside(member)", "yield member"),
    ("sequential.py", 'f"{path}.{i}" if path else str(i)', "str(i)"),
    # -------------------------------------------------------------------- optim
    ("optim.py", "above=0)\n        μ", "least=0)\n        μ"),
    ("optim.py", "least=0, below=1)", "least=0)"),
    ("optim.py", "if looks_ahead and μ == 0:", "if False:"),
    ("optim.py", '_checks.number("SGD", "lr", value, above=0)', "value"),
    ("optim.py", "parameter is p for", "parameter.data.shape == p.data.shape for"),
    ("optim.py", "return v.copy()", "return v"),
    ("optim.py", "p.grad = None", "p.grad = np.zeros_like(p.data)"),
    ("optim.py", "if g is None:", "if g is None or not g.any():"),
    ("optim.py", "if λ:", "if λ and θ.ndim > 1:"),
    ("optim.py", "if λ:", "if False:"),
    ("optim.py", "g = g + λ * θ", "g = g - λ * θ"),
    ("optim.py", "g = g + λ * θ", "g = g + 2 * λ * θ"),
    ("optim.py", "g = g + λ * θ", "g += λ * θ"),
    ("optim.py", "if self._momentum:", "if True:"),
    ("optim.py", "v = self._velocity[i] = np.zeros", "v = np.zeros"),
    ("optim.py", "= np.zeros_like(θ)", "= np.ones_like(θ)"),
    ("optim.py", "= np.zeros_like(θ)", "= np.zeros(θ.shape)"),
    ("optim.py", "= np.zeros_like(θ)", "= g.copy()"),
    ("optim.py", "= np.zeros_like(θ)", "= -g"),
    ("optim.py", "= np.zeros_like(θ)", "= g"),
    ("optim.py", "made = 3 if", "made = 1 if"),
    ("optim.py", "self._weight_decay or self._nesterov else 1",
                 "self._nesterov else 1"),
    ("optim.py", "self._weight_decay or self._nesterov else 1",
                 "self._weight_decay else 1"),
    ("optim.py", "_PIECE if made == 1 else _LEAST", "_PIECE"),
    ("optim.py", "if θ.nbytes <= whole:", "if True:"),
    ("optim.py", "if θ.nbytes <= whole:", "if False:"),
    ("optim.py", "max(1, len(θ) * min(_PIECE, θ.nbytes // made) // θ.nbytes)",
                 "len(θ) * min(_PIECE, θ.nbytes // made) // θ.nbytes"),
    ("optim.py", "min(_PIECE, θ.nbytes // made) // θ.nbytes",
                 "min(_PIECE, θ.nbytes // made) // θ.size"),
    ("optim.py", "min(_PIECE, θ.nbytes // made)", "_PIECE"),
    ("optim.py", "min(_PIECE, θ.nbytes // made)", "(θ.nbytes // made)"),
    ("optim.py", "range(0, len(θ), rows)", "range(rows, len(θ), rows)"),
    ("optim.py", "range(0, len(θ), rows)", "range(0, len(θ) - rows + 1, rows)"),
    ("optim.py", "range(0, len(θ), rows)", "range(0, len(θ) - 1, rows)"),
    ("optim.py", "slice(start, start + rows)", "slice(start, start + rows - 1)"),
    ("optim.py", "slice(start, start + rows)", "slice(start, start + rows + 1)"),
    ("optim.py", "θ[piece]", "θ[piece].copy()"),
    ("optim.py", "g[piece]", "g[::-1][piece]"),
    ("optim.py", "g[piece]", "g[:rows][: len(θ[piece])]"),
    ("optim.py", "else v[piece]", "else v[piece].copy()"),
    ("optim.py", "else v[piece]", "else v[::-1][piece]"),
    ("optim.py", "else v[piece]", "else v[:rows][: len(θ[piece])]"),
    ("optim.py", "if lr.dtype != θ.dtype:", "if False:"),
    ("optim.py", "np.array(self._lr, θ.dtype)", "np.array(self._lr, np.float32)"),
    ("optim.py", "np.array(self._lr, θ.dtype)", "np.array(self._lr)"),
    ("optim.py", "None if v is None else v[piece]", "None"),
    ("optim.py", "v *= μ", "v *= 1 - μ"),
    ("optim.py", "v += g", "v -= g"),
    ("optim.py", "v += g", "v += (1 - μ) * g"),
    ("optim.py", "g + μ * v if", "g + v if"),
    ("optim.py", "g + μ * v if self._nesterov else v", "v"),
    ("optim.py", "θ -= lr * d", "θ += lr * d"),
    ("optim.py", "θ -= lr * d", "θ -= lr * g"),
    ("optim.py", "θ -= lr * d", "θ -= lr * lr * d"),
    ("optim.py", "p._stale = stepped = True", "stepped = True"),
    ("optim.py", "if not stepped:", "if False:"),
    ("optim.py", 'f"velocity.{i}": v.copy()', 'f"velocity.{i}": v'),
    ("optim.py", "np.array(_checks.gradient", "np.asarray(_checks.gradient"),
    ("optim.py", "self._velocity = velocity\n", "pass\n"),
    ("optim.py", "if len({id(p) for p in result}) < len(result):", "if False:"),
    # ----------------------------------------------------------------- training
    ("training.py", "    optimizer.zero_grad()\n", ""),
    ("training.py", "    optimizer.zero_grad()\n    model.backward(",
                    "    optimizer.step()\n    model.backward("),
    ("training.py", "backward(), needs_input_grad=False)\n",
                    "backward(), needs_input_grad=False)\n    optimizer.zero_grad()\n"),
    ("training.py", ", needs_input_grad=False)\n    optimizer.step",
                    ")\n    optimizer.step"),
    ("training.py", "    optimizer.step()\n", ""),
    ("training.py", "    return loss",
                    "    return criterion.forward(model.forward(x), y)"),
    # --------------------------------------------------------------------- data
    ("data.py", "generator.permutation(len(x))", "np.arange(len(x))"),
    ("data.py", "generator.permutation(len(x))",
                "generator.integers(len(x), size=len(x))"),
    ("data.py", 'generator = _checks.generator("minibatches", rng)',
                "generator = np.random.default_rng(0)"),
    ("data.py", "_take(y, rows)", "y[start : start + size]"),
    ("data.py", "yield _take(x, rows), _take(y, rows)",
                "yield _take(y, rows), _take(x, rows)"),
    ("data.py", "a.take(rows, axis=0) if", "a.take(rows) if"),
    ("data.py", "a.take(rows, axis=0) if a.flags.c_contiguous else a[rows]",
                "a.take(rows, axis=0)"),
    ("data.py", "a.take(rows, axis=0) if a.flags.c_contiguous else a[rows]",
                "a[rows]", "the same rows, gathered by the slower way"),
    ("data.py", "range(0, len(order), size)", "range(0, len(order) - size + 1, size)"),
    ("data.py", "order[start : start + size]",
                "(order // size * size + np.arange(len(order)) % size)[start:][:size]"),
    ("data.py", "math.ceil(round(share * n, 6))", "math.ceil(share * n)"),
    ("data.py", "math.ceil(round(share * n, 6))", "int(share * n)"),
    ("data.py", "max(1, math.ceil", "max(0, math.ceil"),
    ("data.py", "if n_test >= n:", "if n_test > n:"),
    ("data.py", "_checks.generator(who, rng).permutation(n)", "np.arange(n)"),
    ("data.py", "order[:n_test], order[n_test:]", "order[:n_test], order"),
    ("data.py", "y[train], y[test]", "y[test], y[train]"),
    ("data.py", "in_units.std(axis=0)", "in_units.std(axis=0, ddof=1)"),
    ("data.py", "in_units.std(axis=0)", "in_units.var(axis=0)"),
    ("data.py", "in_units.mean(axis=0)", "in_units.mean()"),
    ("data.py", "unit[unit == 0] = 1", "pass"),
    ("data.py", "np.abs(table).max(axis=0)", "np.ones(table.shape[1])"),
    ("data.py", "np.where(constant, table[0], mean)", "mean"),
    ("data.py", "np.where(constant, 1.0, std)", "std"),
    ("data.py", "(table - mean) / std", "table - mean / std"),
    ("data.py", "table * std + mean", "(table + mean) * std"),
    ("data.py", '"Standardizer.transform", "x", z, table.dtype', '"", "", z'),
    ("data.py", "np.arange(_checks.positive", "1 + np.arange(_checks.positive"),
    ("data.py", "if len(np.unique(columns)) < len(columns):", "if False:"),
    ("data.py", "if strangers.size:", "if False:"),
    ("data.py", "np.asarray(hot, np.float64)", "hot"),
    ("data.py", 'encoding="utf-8-sig"', 'encoding="utf-8"'),
    ("_tables.py", '.replace("_", "?")', ""),
    ("_tables.py", "if not math.isfinite(values[i]):", "if math.isnan(values[i]):"),
    ("_tables.py", "rows.append((len(rows) + 1, fields))",
                   "rows.append((len(rows), fields))"),
    ("_tables.py", "while rows and not any(rows[-1][1]):", "while False:"),
    ("_tables.py", "self.names if name != target", "self.names if name"),
    ("_tables.py", "[:, np.newaxis], features", ", features"),
    ("_tables.py", "name.strip() for", "name for"),
    ("_tables.py", "if names.count(name) > 1:", "if False:"),
    ("_tables.py", "if len(fields) > len(names):", "if False:"),
    ("_tables.py", "if len(fields) < len(names):", "if False:"),
    ("datasets/__init__.py", "all(row[1][j]", "any(row[1][j]"),
    ("datasets/__init__.py", "table.names[1:7]", "table.names[0:7]"),
    # ------------------------------------------------------------------- checks
    ("_checks.py", 'not in "fiub":', 'not in "fiubc":'),
    ("_checks.py", 'np.errstate(over="raise")', 'np.errstate(over="ignore")'),
    ("_checks.py", "if isinstance(value, np.ma.MaskedArray):", "if False:"),
    ("_checks.py", "x.ndim == 2 and x.shape[1] == width", "x.shape[-1:] == (width,)"),
    ("_checks.py", "if grad_output.shape == shape:",
                   "if grad_output.ndim == len(shape):"),
    ("_checks.py", "type(x) is not np.ndarray or x.dtype != weight.dtype",
                   "type(x) is not np.ndarray"),
    ("_checks.py", "type(x) is not np.ndarray or x.dtype != weight.dtype",
                   "not isinstance(x, np.ndarray) or x.dtype != weight.dtype"),
    ("_checks.py", "type(grad_output) is not np.ndarray or grad_output.dtype !=",
                   "not isinstance(grad_output, np.ndarray) or grad_output.dtype !="),
    ("_checks.py", "is not np.ndarray or grad_output.dtype != kept.dtype",
                   "is not np.ndarray"),
    ("_checks.py", "(len(kept), width)", "(width, len(kept))"),
    ("_checks.py", "        type(prediction) is np.ndarray\n        and type",
                   "        type"),
    ("_checks.py", "        type(prediction) is np.ndarray\n",
                   "        isinstance(prediction, np.ndarray)\n"),
    ("_checks.py", "        and type(target) is np.ndarray\n", ""),
    ("_checks.py", "        and type(target) is np.ndarray\n",
                   "        and isinstance(target, np.ndarray)\n"),
    ("_checks.py", "        and prediction.dtype == target.dtype\n", ""),
    ("_checks.py", "        and prediction.dtype in _FLOAT_DTYPES\n", ""),
    ("_checks.py", "        and prediction.shape == target.shape\n", ""),
    ("_checks.py", "        and prediction.ndim > 0\n", ""),
    ("_checks.py", "        and prediction.size > 0\n", ""),
    ("_checks.py", "type(value) is not np.ndarray or value.dtype != data.dtype",
                   "not isinstance(value, np.ndarray) or value.dtype != data.dtype"),
    ("_checks.py", "type(value) is not np.ndarray or value.dtype != data.dtype",
                   "type(value) is not np.ndarray"),
    ("_checks.py", "if prediction.shape != target.shape:", "if False:"),
    ("_checks.py", "if prediction.size == 0:", "if False:"),
    ("_checks.py", "if per_row and prediction.ndim == 0:", "if False:"),
    ("_checks.py", "value is data or value.base is data", "value is data"),
    ("_checks.py", "return value.copy() if own else value", "return value"),
    ("_checks.py", "values.min() >= 0 and values.max() <= 1", "values.min() >= 0"),
    ("_checks.py", "if values.min() >= 0 and values.max() <= 1",
                   "if not (values.min() < 0 or values.max() > 1)"),
    ("_checks.py", "len(x) != len(y)", "len(x) > len(y)"),
    ("_checks.py", "if missing or unknown:", "if missing:"),
    ("_checks.py", "array.copy()  #", "array  #"),
    ("_checks.py", "if number < 1:", "if number < 0:"),
    ("_checks.py", "if number is None or isinstance(value, bool | np.bool_):",
                   "if number is None:"),
    ("_checks.py", "above < result", "above <= result"),
    ("_checks.py", "<= result < below", "<= result <= below"),
    ("_checks.py", "least <= result", "least < result"),
    ("_checks.py", "if result not in _FLOAT_DTYPES:", "if False:"),
    ("_checks.py", "return np.random.default_rng(rng)",
                   "return np.random.default_rng(rng or None)"),
    ("_checks.py", "    if width != given:", "    if width < given:"),
    # ----------------------------------------------------- jacobian and derivation
    ("jacobians.py", "np.eye(out)", "np.ones((out, out))"),
    ("jacobians.py", "twin.backward(np.eye(out))", "twin.backward(np.eye(out)).T"),
    ("jacobians.py", "copy.deepcopy(layer)", "layer"),
    ("jacobians.py", "parameter.grad = None", "pass"),
    ("jacobians.py", "sample.ndim != 2 or len(sample) != 1", "sample.ndim != 2"),
    ("proving.py", "return max(", "return min("),
    ("proving.py", " or not np.all(np.isfinite(a) & np.isfinite(b))", ""),
    ("proving.py", "if optimizer is not None:", "if False:"),
    ("proving.py", "(largest or 1)", "1"),
    ("derivation/rules.py", "y * (1 - y))", "y * (1 + y))"),
    ("derivation/rules.py", "lambda x, y: IsPositive(x), lambda",
                            "lambda x, y: x, lambda"),
    ("derivation/rules.py", "t: scale(2, t(ŷ - y))", "t: scale(1, t(ŷ - y))"),
    ("derivation/rules.py", "t: scale(2, t(ŷ - y))", "t: scale(2, ŷ - y)"),
    ("derivation/rules.py", "t_ / p - (1 - t_) / (1 - p)",
                            "t_ / p + (1 - t_) / (1 - p)"),
    ("derivation/rules.py", "-scale(1, e.SumOver", "scale(1, e.SumOver"),
    ("derivation/expressions.py", '(" − ", arg.args[0]) if', '(" + ", arg.args[0]) if'),
    ("derivation/expressions.py", "term.layout(n, PRODUCT)]", "term.layout(n)]"),
    ("derivation/expressions.py", "(PRODUCT, FACTOR) if", "(PRODUCT, PRODUCT) if"),
    ("derivation/expressions.py", "np.where(a > 0, 1.0, 0.0)",
                                  "np.where(a >= 0, 1.0, 0.0)"),
    ("derivation/expressions.py", "np.sum(a**2)", "np.sum(np.abs(a))"),
    ("derivation/expressions.py", "a.sum(axis=0)", "a.sum(axis=1)"),
    ("derivation/expressions.py", "result @ factor if", "factor @ result if"),
    ("derivation/tables.py", "links = tuple(turned)[::-1]", "links = tuple(turned)"),
    ("derivation/tables.py", "shapes = _shape(n, m)", "shapes = _shape(m, n)"),
    ("derivation/tables.py", "e.Product(e.Transpose(g), z)",
                             "e.Product(e.Transpose(z), g)"),
    ("derivation/tables.py", "e.Product(_N, _K)", "_N"),
    ("derivation/tables.py", "g = e.Transpose(g) if self.is_numerator else g", "pass"),
    ("derivation/tables.py", "θ - e.Chain(_lr, g)", "θ + e.Chain(_lr, g)"),
    ("derivation/tables.py", "g + carried if", "v + carried if"),
    ("derivation/tables.py", "carried + g)", "carried - g)"),
    ("derivation/tables.py", "{number}. {name}", "{name}"),
    ("derivation/rendering.py", 'rf"\\frac{{{above}}}{{{below}}}"',
                                'rf"\\frac{{{below}}}{{{above}}}"'),
    ("derivation/rendering.py", "tag = \"mn\" if", "tag = \"mi\" if"),
    # ------------------------------------------------------------------ tracing
    ("tracing.py", " + 0.0  # no −0", ""),
    ("tracing.py", "range(9) if", "range(3) if"),
    ("tracing.py", "copy.deepcopy(derive(model, criterion, optimizer=optimizer))",
                   "derive(model, criterion, optimizer=optimizer)"),
    ("tracing.py", "    net.zero_grad()", "    pass"),
    ("tracing.py", "limit = ENTRIES if size <= SMALL else 0", "limit = ENTRIES"),
    ("tracing.py", "size <= SMALL", "size < SMALL"),
    ("tracing.py", "losses[1] - losses[0]", "losses[0] - losses[1]"),
    ("tracing.py", "after[name] - before[name]", "before[name] - after[name]"),
    ("tracing.py", "before[name]) for name in held",
                   "before[name]) for name in named",
                   "what the optimizer does not hold does not move: its terms are 0"),
    ("tracing.py", "str(k + 1) for k in place", "str(k) for k in place"),
    ("tracing.py", "formula = Negative(formula)", "pass"),
    ("tracing.py", "w[i, j]) for i in", "w[j, i]) for i in"),
    ("tracing.py", "g[k] + λ if sgd.weight_decay else g[k]", "g[k]"),
    ("tracing.py", "Chain(_figure(sgd.momentum), v_before[k])",
                   "Chain(_figure(sgd.momentum), v[k])"),
    ("tracing.py", 'if str(place.below.z) != "x":', "if True:"),
    ("_printing.py", "+ 2 * (len(widths) - 1) > WIDTH", "> WIDTH"),
    ("_printing.py", 'fillvalue="")', 'fillvalue=" ")',
                     "ljust fills the cell with blanks either way"),
    ("_printing.py", ".rstrip())", ")"),
    # -------------------------------------------------------------- differences
    ("differences.py", "right, left = at(h), at(-h)", "right, left = at(h), at(0)"),
    ("differences.py", "(right - left) / (2 * h)", "(right - left) / h"),
    ("differences.py", "(at(h / 2) - at(-h / 2)) / h",
                      "(at(h / 2) - at(-h / 2)) / (h / 2)"),
    ("differences.py", "half + (half - full) / 3", "half - (half - full) / 3"),
    ("differences.py", "half + (half - full) / 3", "full"),
    ("differences.py", "array[where] = θ + t * along", "array[where] = t * along"),
    ("differences.py", "θ in at_rest:\n            array[where] = θ\n",
                       "θ in at_rest:\n            pass\n"),
    ("differences.py", "terms = g * rate", "terms = rate"),
    ("differences.py", "float(rate.sum())", "float(terms.sum())"),
    ("differences.py", "+ unsure\n", "\n"),
    ("differences.py", "found.error < best.error", "found.error > best.error"),
    ("differences.py", "if not np.isfinite(value + error):", "if False:"),
    ("differences.py", "except (ValueError, ArithmeticError):",
                      "except ArithmeticError:"),
    ("differences.py", ".reshape(len(terms), -1).sum(axis=1)",
                      ".reshape(-1, len(terms)).sum(axis=0)"),
    ("differences.py", "max(largest, *(_rms(move.array) for move in moves))", "1.0"),
    ("differences.py", "part = part * _rms(array)", "part = part * 1.0"),
    ("differences.py", "if not np.isnan(s.value)]", "]"),
    ("differences.py", "refused=len(slopes) - len(found)", "refused=0"),
    ("differences.py", "if array.size > ALL:", "if False:"),
    ("differences.py", "                places.append(_halved",
                      "                pass; (_halved"),
    ("differences.py", "entries = half if is_wrong else rest",
                      "entries = rest if is_wrong else half"),
    ("differences.py", "np.argsort(-np.abs(analytic)", "np.argsort(np.abs(analytic)"),
    ("differences.py", "CLOSE * largest + SURE * error", "CLOSE * largest"),
    ("differences.py", "CLOSE * largest + SURE * error", "SURE * error"),
    ("differences.py", "if tolerance is not None:", "if False:"),
    ("differences.py", "max(_relative(self.analytic, self.numerical), _relative(a, n))",
                      "_relative(self.analytic, self.numerical)"),
    ("differences.py", " or np.any(off(*self.along) > 1))", ")"),
    # ----------------------------------------------------------------- verdicts
    ("verdicts.py", "if not e.analytic.any():", "if False:"),
    ("verdicts.py", "np.vdot(a, n) / np.vdot(n, n)", "np.vdot(a, a) / np.vdot(n, n)"),
    ("verdicts.py", "abs(c) * e.measured.error", "0 * e.measured.error"),
    ("verdicts.py", "if c < 0:", "if False:"),
    ("verdicts.py", "if abs(c + 1) < ROUGHLY:", "if abs(c - 1) < ROUGHLY:"),
    ("verdicts.py", "rest /= sizes[letter] ** power", "rest *= sizes[letter] ** power"),
    ("verdicts.py", "abs(rest / 0.5 - 1)", "abs(rest / 0.25 - 1)"),
    ("verdicts.py", "letter and power > 0", "letter and power < 0"),
    ("verdicts.py", "if e.gives(rows[:, k]):", "if False:"),
    ("verdicts.py", "e.measured.numerical - rows[:, k]",
                   "e.measured.numerical + rows[:, k]"),
    ("verdicts.py", "g.sum(axis=1)", "g.sum(axis=0)"),
    ("verdicts.py", "e.analytic.reshape(e.at.shape[::-1]).T", "e.analytic"),
    ("verdicts.py", "e.grad_output @ w.T", "e.grad_output @ w"),
    ("verdicts.py", "e.gives(n + λ * direction)", "e.gives(n - λ * direction)"),
    ("verdicts.py", "λ / 2:.4g", "λ:.4g"),
    ("verdicts.py", "(np.sign(θ), \"sign(θ)\")", "(θ, \"sign(θ)\")"),
    ("verdicts.py", "if e.gives(e.measured.plain):", "if False:"),
    ("verdicts.py", "        if e.gives(g):", "        if False:"),
    ("verdicts.py", "e.gives(e.measured.numerical - g)",
                   "e.gives(e.measured.numerical + g)"),
    ("verdicts.py", "lambda x, y: x * (1 - x)", "lambda x, y: y * (1 - y)"),
    ("verdicts.py", "lambda x, y: 1 - x**2", "lambda x, y: 1 - y**2"),
    ("verdicts.py", "2 * np.cosh(y)", "2 * np.cosh(x)"),
    ("verdicts.py", "1 / np.cosh(y) ** 2", "1 / np.cosh(x) ** 2"),
    ("verdicts.py", "lambda x, y: x > 0", "lambda x, y: x >= -1e9"),
    ("verdicts.py", "if np.count_nonzero(n) < 2 and above", "if False and above"),
    ("verdicts.py", "not e.is_parameter or len(e.measured.places) < 2:",
                    "not e.is_parameter:"),
    ("verdicts.py", "np.array_equal(wrong, side)", "np.array_equal(wrong, ~side)"),
    ("verdicts.py", "e.measured.numerical * ŷ * (1 - ŷ)", "e.measured.numerical * ŷ"),
    ("verdicts.py", "np.any((a != 0) & (n != 0))", "np.any(a != 0)"),
    ("verdicts.py", "np.argsort(-apart", "np.argsort(apart"),
    # ------------------------------------------------------------------- pieces
    ("pieces.py", "self.layer.forward(self.x.copy())", "self.layer.forward(self.x)"),
    ("pieces.py", "self._backward(self.grad_output.copy(), needs_input_grad)",
                 "self._backward(self.grad_output, needs_input_grad)"),
    ("pieces.py", "for p in parameters.values() if zeroed else ():", "for p in ():"),
    ("pieces.py", "_copy(p.grad) for", "p.grad for",
                  "a pass begins from no gradient, so it makes an array of its own; "
                  "the one pass that adds is compared before the next"),
    ("pieces.py", "{\"needs_input_grad\": needs_input_grad} if self.asks else {}",
                 "{\"needs_input_grad\": True} if self.asks else {}"),
    ("pieces.py", "{\"needs_input_grad\": needs_input_grad} if self.asks else {}",
                 "{\"needs_input_grad\": needs_input_grad}"),
    ("pieces.py", "near = copy.deepcopy(self)", "near = self"),
    ("pieces.py", "for power in (1, -1)", "for power in (1,)"),
    ("pieces.py", "rest /= size ** powers[letter]", "pass"),
    ("pieces.py", "axis = \"NK\".index(letter)", "axis = \"KN\".index(letter)"),
    ("pieces.py", "if min(self.prediction.ndim, self.target.ndim) <= axis:",
                 "if False:"),
    ("pieces.py", "p.data.shape[:1] * 2 == p.data.shape", "p.data.ndim == 3"),
    ("pieces.py", "array += AWAY", "array += 0 * AWAY"),
    ("pieces.py", "rest = [p for p in self.layer.parameters() if id(p) not in known]",
                 "rest = []"),
    # ---------------------------------------------------------------- gradcheck
    ("gradcheck.py", "copy.deepcopy(given)", "given"),
    ("gradcheck.py", "p.data.astype(np.float64), None", "p.data, None"),
    ("gradcheck.py", "p._data, p.grad = p.data.astype(np.float64), None",
                    "p._data = p.data.astype(np.float64)"),
    ("gradcheck.py", "not (np.isfinite(g).all() and g.any())", "False"),
    ("gradcheck.py", "reversed(list(levels))", "list(levels)"),
    ("gradcheck.py", "and not self.faults:", "and True:"),
    ("gradcheck.py", "if any(TWO_OUTPUTS in fault for fault in faults):", "if False:"),
    ("gradcheck.py", "            return None\n        there",
                    "            pass\n        there"),
    ("gradcheck.py", "len(there.places) < len(places) or there.wrong().any()",
                    "there.wrong().any()"),
    ("gradcheck.py", "len(there.places) < len(places) or there.wrong().any()", "False"),
    ("gradcheck.py", "            if not all_right:\n", "            if False:\n"),
    ("gradcheck.py", "elif any(row.verdict == AT_THE_EDGE for row in self.rows):",
                    "elif False:"),
    ("gradcheck.py", "(third - second)[place]", "second[place]"),
    ("gradcheck.py", "if is_sum and np.any(off(third, second, 0.0) > 1):",
                    "if is_sum:"),
    ("gradcheck.py", "2 * first, 0.0", "first, 0.0"),
    ("gradcheck.py", "again(needs_input_grad=False)", "again()"),
    ("gradcheck.py", "if m.wrong().any() or name not in piece.parameters():",
                    "if m.wrong().any():"),
    ("gradcheck.py", "all(row.ok for row in self.rows) and not self.faults",
                    "all(row.ok for row in self.rows)"),
    ("gradcheck.py", "        if not self.ok:", "        if self.ok:"),
    ("gradcheck.py", "np.prod(row.shape) > ALL", "np.prod(row.shape) > 0"),
    ("gradcheck.py", "if not m.refused:", "if True:"),
    # ---------------------------------------------------------------------- fit
    ("training.py", "            optimizer.zero_grad()  # 3. zero the gradients\n", ""),
    ("training.py", "(1 if sums else len(x_batch)) / n", "1 / n"),
    ("training.py", "if not (loss_tells or ", "if not (True or "),
    ("training.py", "if validation_loss < min(", "if validation_loss <= min("),
    ("training.py", "losses.index(min(losses)) >= self.patience",
                    "losses.index(min(losses)) > self.patience"),
    ("training.py", "self.best = [p.data.copy() for p", "self.best = [p.data for p"),
    ("training.py", "run.put_back_the_best()", "pass"),
    ("training.py", "self.rng.bit_generator.state = bits.state", "pass"),
    ("training.py", "copy.copy(self.criterion).forward", "self.criterion.forward"),
    ("metrics.py", "(ŷ > 0.5) == (y == 1)", "(ŷ > 0) == (y == 1)"),
    ("metrics.py", "ŷ.argmax(axis=1)", "ŷ.argmax(axis=0)"),
    ("metrics.py", "y.mean(axis=0)) ** 2", "y.mean()) ** 2"),
    ("metrics.py", "1 - unexplained / total", "unexplained / total"),
    ("schedules.py", "factor ** (epoch // every)", "factor ** (epoch / every)"),
    ("schedules.py", "(1 - least) * (1 + math.cos", "(1 + math.cos"),
    # --------------------------------------------------------------- diagnosing
    ("diagnosing.py", "EXPLODING = 1e-3, 1e2", "EXPLODING = 0, 1e2"),
    ("diagnosing.py", "EXPLODING = 1e-3, 1e2", "EXPLODING = 1e-3, 1e9"),
    ("diagnosing.py", "np.all(out == 0, axis=0)", "np.all(out == 0, axis=-1)"),
    ("diagnosing.py", "out * (1 - out) < SLOPE", "out * (1 - out) > SLOPE"),
    ("diagnosing.py", "float(out.std())", "float(out.var())"),
    ("diagnosing.py", "_norm([p.data - θ for p, θ in moved]) / size",
                      "_norm([p.data - θ for p, θ in moved])"),
    ("diagnosing.py", "p.data.copy() for p in w.", "p.data for p in w."),
    ("diagnosing.py", "copy.deepcopy(optimizer, copied)", "optimizer"),
    ("diagnosing.py", "ratio = low / high", "ratio = high / low"),
    ("diagnosing.py", "if large and not after <= loss:", "if large and after <= loss:"),
    ("diagnosing.py", "and w.is_lively]", "]"),
    ("diagnosing.py", "largest * float(np.linalg.norm(numbers / largest))",
                      "float(np.linalg.norm(numbers))"),
]  # fmt: skip
MUTATIONS = [Mutation(*row) for row in TABLE]

HOME = {  # the tests of a module where its name does not say which
    "_checks.py": [
        "tests/test_core.py",
        "tests/test_layers.py",
        "tests/test_losses.py",
    ],
    "_tables.py": ["tests/test_data.py"],
    "_printing.py": ["tests/test_derivation.py"],
    "proving.py": ["tests/test_derivation.py"],
    "datasets/__init__.py": ["tests/test_datasets.py"],
    "differences.py": ["tests/test_differences.py", "tests/test_gradcheck.py"],
    "training.py": ["tests/test_training.py", "tests/test_fit.py"],
    "verdicts.py": ["tests/test_gradcheck.py"],
    "pieces.py": ["tests/test_gradcheck.py"],
}
NOT_ITS_TESTS = ["tests/test_mutation_audit.py"]  # which sees that the text changed


def home(file: str) -> list[str]:
    """Return the tests of a module: its file in tests/, and its docstrings."""
    top = Path(file).parts[0].removesuffix(".py")
    return [*HOME.get(file, [f"tests/test_{top}.py"]), f"mlp/{file}"]


def source(file: str, root: Path = ROOT) -> str:
    """Return the text of a module."""
    return (root / "mlp" / file).read_text(encoding="utf-8")


def mutated(mutation: Mutation, root: Path = ROOT) -> str:
    """Return the module with the mistake in it."""
    text = source(mutation.file, root)
    if text.count(mutation.old) != 1:
        raise SystemExit(
            f"mutation_audit: expected {mutation.old!r} once in mlp/{mutation.file}, "
            f"got it {text.count(mutation.old)} times; bring TABLE up to date"
        )
    return text.replace(mutation.old, mutation.new)


def first_failure(tree: Path, paths: list[str], besides: list[str]) -> str | None:
    """Run tests in a copy of the tree; return the name of the first that fails."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-rfE", "--tb=no"]
    command += ["-p", "no:cacheprovider", "--hypothesis-profile=audit", *paths]
    command += [f"--ignore={path}" for path in besides]
    environment = os.environ | {
        "CI": "true",
        "PYTHONPATH": str(tree),  # before the installed mlp, in what tests start too
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",  # as the workers share the machine
    }
    with subprocess.Popen(
        command,
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as run:
        try:
            output, _ = run.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)  # with the scripts that a test started
            return f"no end within {LIMIT} s"
    if run.returncode == 0:
        return None
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    if failed is None:
        raise SystemExit(f"mutation_audit: pytest could not run:\n{output}")
    return failed[1]


def killer(mutation: Mutation, tree: Path) -> str | None:
    """Return the first test that fails with the mistake in the tree, or None."""
    module, first = tree / "mlp" / mutation.file, home(mutation.file)
    right = source(mutation.file, tree)
    module.write_text(mutated(mutation, tree), encoding="utf-8")
    try:
        own = first_failure(tree, first, [])
        return own or first_failure(tree, [], [*first, *NOT_ITS_TESTS])
    finally:
        module.write_text(right, encoding="utf-8")


def copy_of_the_tree(folder: Path) -> Path:
    """Return a copy of what the tests need."""
    skip = shutil.ignore_patterns(".*", "*venv*", "__pycache__", "dist", "build")
    return Path(shutil.copytree(ROOT, folder, ignore=skip))


def audit(mutations: list[Mutation], workers: int) -> list[str | None]:
    """Return what killed each, in order."""
    with tempfile.TemporaryDirectory() as folder:
        trees: queue.Queue[Path] = queue.Queue()
        for i in range(workers):
            trees.put(copy_of_the_tree(Path(folder, str(i))))
        tree = trees.queue[0]
        wrong = first_failure(tree, [], NOT_ITS_TESTS)
        if wrong is not None:
            raise SystemExit(f"mutation_audit: without a mistake {wrong} fails already")

        def run(mutation: Mutation) -> str | None:
            tree = trees.get()
            try:
                found = killer(mutation, tree)
            finally:
                trees.put(tree)
            row = " | ".join(cells(mutation))
            print(f"{found or 'LIVES':60.60}  {row}", flush=True)
            return found

        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(run, mutations))


def code(text: str) -> str:
    """Return a piece of code for a cell of a table in Markdown."""
    flat = " ⏎ ".join(line.strip() for line in text.strip("\n").splitlines())
    return f"`{flat}`".replace("|", "\\|") if flat else "nothing"


def cells(mutation: Mutation) -> tuple[str, str, str]:
    """Return the cells that name a mutation."""
    return mutation.file, code(mutation.old), code(mutation.new)


def verdicts() -> dict[tuple[str, ...], str]:
    """Return the last cell of each row of the report, by the ones before it."""
    if not REPORT.exists():
        return {}
    text = REPORT.read_text(encoding="utf-8")
    rows = [re.split(r" (?<!\\)\| ", line[2:-2]) for line in text.splitlines()
            if re.match(r"\| \d+ \| ", line)]  # fmt: skip
    return {tuple(row[1:-1]): row[-1] for row in rows}


def report(found: dict[tuple[str, ...], str]) -> str:
    """Return the page: the count, and each mutation with what became of it."""
    last = [found.get(cells(m), "not run yet") for m in MUTATIONS]
    killed = sum(cell.startswith("`") for cell in last)
    equivalent = sum(cell.startswith("equivalent") for cell in last)
    lines = [
        "# Mutations",
        "",
        "How the tests are tested: each line of the table is one mistake, made in mlp/ "
        "on purpose, and the first test that",
        "failed; those of the module itself run first. "
        "`.venv/bin/python tests/mutation_audit.py` writes this page and has the",
        "table that it is made of. An equivalent mutation changes nothing that could "
        "be seen, and the line says why.",
        "",
        f"{len(last)} mutations: {killed} killed, {equivalent} equivalent, "
        f"{len(last) - killed - equivalent} living.",
        "",
        "| | file in mlp/ | instead of | stands | killed by |",
        "|---|---|---|---|---|",
    ]
    for i, (mutation, cell) in enumerate(zip(MUTATIONS, last, strict=True), 1):
        lines.append(f"| {i} | {' | '.join(cells(mutation))} | {cell} |")
    return "\n".join(lines) + "\n"


def verdict(mutation: Mutation, killed_by: str | None) -> str:
    """Return the last cell of a row; "equivalent" and killed is a mistake, too."""
    if killed_by is None:
        reason = mutation.equivalent
        return f"equivalent: {reason}" if reason else "**lives**"
    name = code(killed_by)
    return f"**not equivalent**: {name}" if mutation.equivalent else name


def main() -> None:
    """Run the audit, write the report, say what lives."""
    parser = argparse.ArgumentParser(description="Which mistakes do the tests not see?")
    parser.add_argument("files", nargs="*", help="modules in mlp/; none given: all")
    parser.add_argument("--workers", type=int, default=2, help="copies of the tree")
    asked = parser.parse_args()
    unknown = set(asked.files) - {m.file for m in MUTATIONS}
    if unknown:
        parser.error(f"no mutation of {', '.join(sorted(unknown))} in TABLE")
    for mutation in MUTATIONS:
        mutated(mutation)
    chosen = [m for m in MUTATIONS if m.file in asked.files or not asked.files]
    start = time.perf_counter()
    killers = audit(chosen, asked.workers)
    minutes = (time.perf_counter() - start) / 60
    found = {cells(m): verdict(m, by) for m, by in zip(chosen, killers, strict=True)}
    REPORT.write_text(report(verdicts() | found), encoding="utf-8")
    wrong = [row for row, last in found.items() if last.startswith("**")]
    print(f"{len(found)} mutations in {minutes:.1f} minutes, {len(wrong)} not as said")
    for row in wrong:
        print(f"{found[row]}  {' | '.join(row)}")
    if wrong:
        raise SystemExit("mutation_audit: write the test, or say why there is none")


if __name__ == "__main__":
    main()
