"""The commands of python -m mlp, one module for each.

Each module that NAMES lists has two functions. add_to(subparsers) declares
the command and its arguments. run(arguments) runs it and returns the exit
code. run imports what the command needs, so that --help does not wait for
NumPy. run prints its result to standard output, with _shared.printing if a
person will read it. It raises the usual errors of the library, and
mlp.__main__ prints them as one sentence. Read derive.py next.
"""

NAMES = ("train", "predict", "derive", "worksheet", "mark", "exercise", "grade")
"""In the order in which --help lists them."""
