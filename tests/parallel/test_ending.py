"""How all processes end when one of them does."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
from processes import PROGRAM, start
from teams import X, Y, net, refused

from mlp import SGD, Adam, MSELoss, train_step
from mlp.parallel import AllReduce, ending


def test_nets_one_after_another_of_different_numbers_of_steps_are_told():
    def job(comm):
        for more in (0, comm.rank):
            model = net()
            optimizer = AllReduce(SGD(model.parameters(), lr=0.1), comm)
            for _ in range(2 + more):
                train_step(model, MSELoss(), optimizer, X, Y)
        AllReduce(Adam(model.parameters()), comm)

    refused(
        *(job, RuntimeError),
        "process 0 that makes another AllReduce after 2 steps and process 1 that takes "
        "step 3",
    )


# ------------------------------------- one process, with a stand-in for MPI


class World:
    """What is asked of COMM_WORLD and of others: of size processes, one of them."""

    def __init__(self, rank, size, gone=(), tests=(True,)):
        self.rank, self.size, self.gone, self.tests = rank, size, gone, [*tests]
        self.sent = []

    def Get_rank(self):
        return self.rank

    def Get_size(self):
        return self.size

    def Get_group(self):
        return self

    def Ibarrier(self):
        return SimpleNamespace(Test=lambda: self.tests.pop(0))

    def Iprobe(self, rank, tag):
        return (rank, tag) in self.gone

    def Isend(self, message, rank, tag):
        self.sent.append((rank, tag))


def translated(group, ranks, world):
    """Return the ranks in a world of which a group has all but process 0."""
    return ranks if group is world else [rank + 1 for rank in ranks[:-1]] + [-1]


@pytest.fixture
def started(monkeypatch):
    """Return what starts MPI in this process, which so far has no meeting."""
    for name, value in {"_awake": [], "_last": {}, "_aborts": False}.items():
        monkeypatch.setattr(ending, name, value)
    monkeypatch.setattr(ending, "_usual", lambda *caught: None)
    monkeypatch.delitem(sys.modules, "mpi4py.MPI", raising=False)

    def start(world, is_initialized=True, is_finalized=False):
        mpi = ModuleType("mpi4py.MPI")
        mpi.COMM_WORLD, mpi.Intracomm = world, World
        mpi.Group = SimpleNamespace(Translate_ranks=translated)
        mpi.Is_initialized = lambda: is_initialized
        mpi.Is_finalized = lambda: is_finalized
        monkeypatch.setitem(sys.modules, "mpi4py.MPI", mpi)
        return world

    return start


@pytest.fixture
def aborting(monkeypatch):
    """Return the errors with which mpi4py was asked to abort at exit."""
    errors, run = [], ModuleType("mpi4py.run")
    run.set_abort_status = errors.append
    monkeypatch.setitem(sys.modules, "mpi4py.run", run)
    return errors


def meeting(comm=None):
    """Return a meeting that takes down what is said in it."""
    said = []
    return SimpleNamespace(
        comm=comm,
        said=said,
        finish=lambda: said.append("finish"),
        expect_next=lambda: said.append("next"),
    )


def test_an_exception_is_shown_as_ever_and_ends_all(
    started, aborting, monkeypatch, capsys
):
    shown, error = [], ValueError("odd")
    monkeypatch.setattr(ending, "_usual", lambda *caught: shown.append(caught))
    world = started(World(1, 3))
    one = meeting()
    ending.is_new(one)
    ending.end_all(ValueError, error, None)
    assert shown == [(ValueError, error, None)] and aborting == [error]
    sentence = "process 1 of 3 ended by ValueError; all processes end with it"
    assert capsys.readouterr() == ("", f"mlp.parallel: {sentence}\n")
    ending.say_goodbye()  # there is nobody left to say it to
    assert one.said == world.sent == []


@pytest.mark.parametrize(
    "how", [None, {"is_initialized": False}, {"is_finalized": True}, {}]
)
def test_an_exception_of_one_process_alone_is_only_shown(
    how, started, aborting, monkeypatch, capsys
):
    shown = []
    monkeypatch.setattr(ending, "_usual", lambda *caught: shown.append(caught))
    if how is not None:
        started(World(0, 3 if how else 1), **how)
    ending.end_all(KeyError, KeyError("a"), None)
    assert len(shown) == 1 and aborting == []
    assert capsys.readouterr() == ("", "")


def test_one_that_never_met_the_others_tells_each_of_them(started):
    world = started(World(1, 4))
    ending.say_goodbye()
    tags = {tag for _, tag in world.sent}
    assert [rank for rank, _ in world.sent] == [0, 2, 3] and len(tags) == 1
    assert tags.pop() < 32768  # the least upper limit of tags that MPI grants


@pytest.mark.parametrize("how", [{"is_initialized": False}, {"is_finalized": True}])
def test_without_mpi_nothing_is_told(how, started):
    world = started(World(1, 4), **how)
    ending.say_goodbye()
    assert world.sent == []


def test_goodbye_is_said_in_each_meeting_that_is_awake_the_oldest_first(started):
    """In a net that another came after, it would wait for processes in the other."""
    world, said = started(World(0, 2)), []
    first, second = SimpleNamespace(comm=1), SimpleNamespace(comm=2)
    for name, one in {"first": first, "second": second}.items():
        one.finish = lambda name=name: said.append(name)
    ending.is_new(first)
    ending.is_new(second)
    ending.say_goodbye()
    assert said == ["second"] and world.sent == []
    said.clear()
    ending.used(first)
    ending.used(second)
    ending.used(second)
    ending.used(first)
    ending.say_goodbye()
    assert said == ["second", "first"]


def test_a_fork_says_nothing(started, monkeypatch):
    world, one = started(World(0, 2)), meeting()
    monkeypatch.setattr(ending, "_process", ending._process + 1)
    ending.say_goodbye()
    ending.is_new(one)
    ending.say_goodbye()
    assert one.said == world.sent == []


def test_a_new_meeting_begins_where_the_last_of_its_communicator_ends(started):
    comm, other = object(), object()
    first, second, elsewhere = meeting(comm), meeting(comm), meeting(other)
    for one in (first, second, elsewhere):
        ending.is_new(one)
    ending.before(comm)
    assert (first.said, second.said, elsewhere.said) == ([], ["next"], [])
    ending.used(first)
    ending.before(comm)
    assert (first.said, second.said, elsewhere.said) == (["next"], ["next"], [])


def test_the_first_meeting_waits_for_all(started):
    comm = World(0, 3, tests=[False, False, True])
    started(World(0, 3))
    ending.before(comm)
    assert comm.tests == []
    ending.before(World(0, 3, tests=[True]))
    ending.before(object())  # of threads, say, which are no processes of MPI


def test_the_first_meeting_does_not_wait_for_one_that_has_ended(started):
    """Whose rank is that in the world, not that in a smaller communicator."""
    others = World(0, 4)
    started(others)
    ending.say_goodbye()
    (_, tag), *_ = others.sent
    world = started(World(1, 4, gone=[(0, tag), (-1, tag), (2, tag)]))
    with pytest.raises(RuntimeError, match="process 2 that has finished before"):
        ending.before(World(0, 3, tests=[False] * 3))
    world.gone = [(2, tag + 1), (0, tag)]
    ending.before(World(0, 3, tests=[False, True]))


# -------------------------------------------------------- processes of mpiexec


@pytest.mark.parametrize(
    ("what", "size", "sentence"),
    [
        ("raised", 3, "process 1 of 3 ended by ValueError; all processes end with it"),
        ("early", 2, "process 1 of 2 ended by ValueError; all processes end with it"),
        ("left", 2, "to make one, got process 1 that has finished before"),
        ("longer", 2, "process 0 that has finished after 3 steps and process 1 that"),
    ],
)
@pytest.mark.usefixtures("mpi")
def test_one_that_ends_ends_all_with_a_sentence(what, size, sentence, tmp_path):
    done = start(size, PROGRAM, what, tmp_path)
    assert done.returncode != 0
    assert sentence in done.stderr
