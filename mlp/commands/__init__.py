"""The commands of python -m mlp, one module for each.

A module that NAMES lists has add_to(subparsers), which declares the command
and its arguments, and run(arguments), which returns the exit code. What a
command needs is imported in run, so that --help does not wait for NumPy.
run prints its result to standard output, through _shared.printing if it is
for people, and raises the library's own errors: mlp.__main__ makes one
sentence of them.
"""

NAMES = ("train", "predict", "derive", "worksheet", "mark", "exercise", "grade")
"""In the order in which --help lists them."""
