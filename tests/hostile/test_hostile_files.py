"""Every hostile input of the table has exactly the outcome that the table says, and no import opens anything else.

Each input goes the whole way of the program (``import_file``, its pipes, limits and sentences); only the start of the
import process is replaced by a fork of a warm one, which makes several hundred of them affordable.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from multimil_hostile import audit, warm
from multimil_hostile.outcomes import Load, Outcome, Refuse, same
from multimil_hostile.table import CASES, Case, open_case
from multimil_testing.environment import in_ci

from multimil_gui.data.child import worker_command

pytestmark = [
    pytest.mark.slow,
    # The first test waits for all cases.
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not warm.supported(), reason="the warm import process needs fork and descriptors over sockets"),
]
#: One of each kind, opened by the process that the program really starts.
THROUGH_THE_REAL_PROCESS = (
    "A1 external link in uns",
    "A9 eight terabytes in no bytes",
    "A12 login page",
    "B1 pickle as first filter",
    "B5 sound shard",
    "B7 entries that overlap",
    "C4 NaN in a sparse matrix",
    "C13 modalities of other cells, in part",
    "D9 columns with odd names",
    "X0 sound folder, packed",
)


@dataclass(frozen=True)
class Run:
    """What came of all cases.

    Attributes
    ----------
    outcomes
        The outcome, or whatever else was raised.
    folders
        Where each case was opened.
    not_traced
        Why the system calls were not recorded; empty when they were.
    trace
        Their record.
    """

    outcomes: dict[str, Outcome | Exception]
    folders: dict[str, Path]
    not_traced: str
    trace: str


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Open every case once, traced where that is possible."""
    base, log = tmp_path_factory.mktemp("cases"), tmp_path_factory.mktemp("trace") / "log"
    not_traced = audit.why_not()
    outcomes: dict[str, Outcome | Exception] = {}
    folders = {case.name: base / f"{number:03d}" for number, case in enumerate(CASES)}
    with warm.warm_server([] if not_traced else audit.strace(log)) as command:
        for case in CASES:
            try:
                outcomes[case.name] = open_case(case, folders[case.name], command)
            except Exception as error:  # noqa: BLE001 - told by the test of the case
                outcomes[case.name] = error
    return Run(outcomes, folders, not_traced, log.read_text() if log.exists() else "")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_outcome_is_exactly_the_one_of_the_table(run: Run, case: Case) -> None:
    found = run.outcomes[case.name]
    if isinstance(found, Exception):
        raise found
    assert same(found, case.outcome), f"\nfound    {found}\nexpected {case.outcome}"


def test_table_covers_every_row_of_the_threats() -> None:
    rows = Counter(case.name.split()[0] for case in CASES)
    assert len(CASES) >= 120
    assert [f"A{i}" for i in range(1, 17) if f"A{i}" not in rows] == []
    assert [f"B{i}" for i in range(1, 10) if f"B{i}" not in rows] == []
    assert [f"C{i}" for i in range(1, 15) if f"C{i}" not in rows] == []
    # D3 cannot be written in any supported format; it concerns text lists.
    assert [f"D{i}" for i in (1, 2, *range(4, 13)) if f"D{i}" not in rows] == []


@pytest.mark.parametrize(
    "case", [case for case in CASES if isinstance(case.outcome, Refuse)], ids=lambda case: case.name
)
def test_refusal_says_what_where_and_what_to_do(case: Case) -> None:
    parts = (case.outcome.what, case.outcome.where, case.outcome.fix)
    for part in parts:
        assert part.endswith((".", "…"))
        assert part.isprintable()
        assert len(part) <= 250
        assert not re.search(r"Traceback|<class|Error\b|object at 0x|\bNone\b", part)
    assert len(re.findall(r"[.!?](\s|$)", case.outcome.what)) <= 2


def test_warnings_are_whole_sentences() -> None:
    for case in CASES:
        if isinstance(case.outcome, Load):
            assert all(warning.endswith(".") and warning.isprintable() for warning in case.outcome.warnings), case.name


def test_no_import_opens_another_file_or_starts_anything(run: Run) -> None:
    """Also an attempt counts: a path that does not exist was still asked for."""
    if run.not_traced:
        message = f"NOT RUN: the opened files are not audited, {run.not_traced}"
        # What a package brings must be there; what the system forbids, no package brings.
        if in_ci() and not audit.forbidden(run.not_traced):
            pytest.fail(message)
        pytest.skip(message)
    server, *imports = audit.processes(run.trace).values()
    assert server.started >= len(imports) > 0.8 * len(CASES)
    by_folder = {str(folder): name for name, folder in run.folders.items()}
    base = next(iter(run.folders.values())).parent
    for process in imports:
        paths = process.read | process.written
        cases = {str(base / Path(path).relative_to(base).parts[0]) for path in paths if path.startswith(f"{base}/")}
        names = [by_folder[folder] for folder in cases]
        assert len(cases) <= 1, names
        home = tuple(folder for path in paths for folder in re.findall(r"^/.*?/multimil-import-[^/]+", path))
        assert audit.outside(paths, (*cases, *home, "/dev/zero")) == set(), names
        stores = tuple(f"{folder}/stores/" for folder in cases)
        # The first run of a new installation keeps its compiled modules beside them.
        written = {path for path in process.written if "/multimil_gui/" not in path or "/__pycache__/" not in path}
        assert audit.outside(written, (*stores, *home), system=("/dev/null", "/dev/shm/sem.")) == set(), names
        assert process.other == [], names
        assert process.started == 0, names


@pytest.mark.parametrize("name", THROUGH_THE_REAL_PROCESS)
def test_real_process_agrees_with_the_warm_one(tmp_path: Path, name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    assert same(open_case(case, tmp_path / "case", worker_command()), case.outcome)


@pytest.mark.parametrize("name", ["A2 values stored in another file", "B0 sound archive"])
def test_real_process_opens_nothing_else_from_its_start(tmp_path: Path, name: str) -> None:
    not_traced = audit.why_not()
    if not_traced:
        pytest.skip(f"NOT RUN: {not_traced}")
    case = next(case for case in CASES if case.name == name)
    open_case(case, tmp_path / "case", [*audit.strace(tmp_path / "log"), *worker_command()])
    (process,) = audit.processes((tmp_path / "log").read_text()).values()
    home = tuple(f for path in process.read | process.written for f in re.findall(r"^/.*?/multimil-import-[^/]+", path))
    assert audit.outside(process.read | process.written, (str(tmp_path / "case"), *home)) == set()
    assert [call for call in process.other if not call.startswith("execve(")] == []
    assert len(process.other) == 1
    assert process.started == 0
