"""The command line: ``multimil-gui [FILE]``, ``inspect``, ``run``, ``demo``. Light: everything heavy is imported late."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multimil_gui._version import __version__
from multimil_gui.core.errors import Cancelled, Refusal

if TYPE_CHECKING:
    from multimil_gui.data.import_ import Inspection
    from multimil_gui.jobs.outputs import Written

OK, BROKEN, REFUSED, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: done; a fault of this program; refused, with what, where and what to do; Ctrl+C."""

COMMANDS = ("inspect", "run", "demo")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    worker = _worker(words)
    if worker is not None:
        return worker()
    _print_any_letter()
    if not words or not (words[0].startswith("-") or words[0] in COMMANDS):
        return _window(words)
    args = _parser().parse_args(words)
    with _terminate_interrupts():
        return _guarded(args)


def stores_folder() -> Path:
    """Return where imported data is kept; the window uses the same place."""
    from platformdirs import user_cache_path

    return user_cache_path("multimil_gui", appauthor=False) / "stores"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="multimil-gui",
        description="MultiMIL: which cells drive a phenotype. Without a command it opens the window.",
        epilog="multimil-gui FILE opens the window on a file or a project.",
    )
    parser.add_argument("--version", action="version", version=f"multimil-gui {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    inspect = commands.add_parser("inspect", help="say what is in a data file; exit code 0 readable, 2 refused")
    inspect.add_argument("file", type=Path, help=".h5ad, .h5mu, .zarr (also zipped), 10x .h5 or .mtx folder")
    inspect.set_defaults(action=_inspect)
    run = commands.add_parser("run", help="run a recipe without the window")
    run.add_argument("recipe", type=Path, help="the recipe, a TOML file")
    run.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    run.add_argument("--overwrite", action="store_true", help="replace the results of an earlier run in DIR")
    run.set_defaults(action=_run)
    for command in (inspect, run):
        command.add_argument("--json", action="store_true", help="print the answer as JSON")
    demo = commands.add_parser("demo", help="show the demo cohort (semi-simulated, truth known)")
    demo.add_argument("--headless", type=Path, metavar="OUT", help="drive the window by itself; leave pictures in OUT")
    demo.set_defaults(action=_demo, json=False)
    return parser


def _guarded(args: argparse.Namespace) -> int:
    """Run a command; whatever it raises becomes words and an exit code."""
    try:
        return int(args.action(args))
    except Refusal as refusal:
        _refuse(refusal, args.json)
        return REFUSED
    except (KeyboardInterrupt, Cancelled):
        _say(_interrupted(args))
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last place that can turn a fault into words
        return _broken(error, args.json)


def _inspect(args: argparse.Namespace) -> int:
    from multimil_gui.data.import_ import inspect_file

    inspection = inspect_file(args.file)
    if inspection.refusal is not None:
        _refuse(inspection.refusal, args.json)
    elif args.json:
        _print_json({"status": OK, "summary": inspection.summary, "warnings": list(inspection.warnings)})
    else:
        _print_inspection(args.file, inspection)
    return inspection.status


def _run(args: argparse.Namespace) -> int:
    from multimil_gui.data.import_ import import_file
    from multimil_gui.jobs.fit_file import read_fit
    from multimil_gui.jobs.outputs import RESUME_FOLDER, check_output_folder, write_outputs
    from multimil_gui.jobs.pipeline import cohort_of, run_recipe
    from multimil_gui.jobs.recipe_io import beside, data_path, load_recipe
    from multimil_gui.jobs.reporters import ConsoleReporter

    recipe = load_recipe(args.recipe)
    check_output_folder(args.out, args.overwrite, args.recipe)
    fit = None if recipe.query is None else read_fit(beside(args.recipe, recipe.query.fit))
    with ConsoleReporter() as reporter:
        store = import_file(data_path(recipe, args.recipe), stores_folder(), reporter)
        for warning in store.index.warnings:
            reporter.warn(warning)
        cohort = cohort_of(recipe, store, fit)
        result = run_recipe(recipe, store, reporter, args.out / RESUME_FOLDER, cohort, fit)
        written = write_outputs(result, cohort, recipe, args.out, reporter, args.overwrite)
    if args.json:
        files = [path.name for path in written.files]
        _print_json({"status": OK, "out": str(args.out), "files": files, "report": written.report})
    else:
        _print_written(args.out, written)
    return OK


def _demo(args: argparse.Namespace) -> int:
    from multimil_gui.__main__ import demo

    return demo(args.headless)


def _window(words: Sequence[str]) -> int:
    from multimil_gui.__main__ import window

    return window(words)


def _worker(words: Sequence[str]) -> Callable[[], int] | None:
    """Return the main function of a child process when this process is one."""
    flag = words[0] if words else ""
    if flag == "--map-worker":
        from multimil_gui.jobs.map_worker import main as map_main

        return map_main
    if flag == "--import-worker":
        from multimil_gui.data.worker import main as import_main

        return import_main
    return None


@contextmanager
def _terminate_interrupts() -> Iterator[None]:
    """Let a termination request (a cluster's time limit) end the work as Ctrl+C does: resumable, no half file."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupted(args: argparse.Namespace) -> str:
    if args.command != "run":
        return "Stopped."
    from multimil_gui.jobs.outputs import RESUME_FOLDER

    if not (args.out / RESUME_FOLDER).exists():
        return "Stopped; no file was changed."
    return (
        f"Stopped; no file was changed. The finished parts are kept in {args.out}: the same command goes on from there."
    )


def _refuse(refusal: Refusal, as_json: bool) -> None:
    problems = _errors(refusal)
    if as_json:
        found = [dict(zip(("what", "where", "fix"), problem, strict=True)) for problem in problems]
        _print_json({"status": REFUSED, **found[0], "problems": found})
    for problem in problems:
        _say("\n  ".join(part for part in problem if part))


def _errors(refusal: Refusal) -> list[tuple[str, str, str]]:
    """Return what, where and fix of everything that was refused at once."""
    from multimil_gui.data.cohort import Severity

    problems = [problem for problem in getattr(refusal, "problems", ()) if problem.severity is Severity.ERROR]
    return [(problem.what, problem.where, problem.fix) for problem in problems or [refusal]]


def _broken(error: Exception, as_json: bool) -> int:
    from multimil_gui.jobs.words import explain

    if as_json:
        _print_json({"status": BROKEN, "what": explain(error), "where": "", "fix": ""})
    _say(explain(error))
    _say(f"Details for a report of the fault:\n{''.join(traceback.format_exception(error))}")
    return BROKEN


def _print_inspection(file: Path, inspection: Inspection) -> None:
    summary: Mapping[str, Any] = inspection.summary
    print(f"{file.name} can be read: {summary['n_cells']:,} cells.")
    for name, modality in summary["modalities"].items():
        values = "counts" if modality["counts"] else "values"
        features, cells = f"{modality['n_features']:,} features", f"{modality['n_cells']:,} cells"
        print(f"  {name}: {features} in {cells}, {values} ({', '.join(modality['layers'])})")
    for column in summary["obs"]:
        levels = f": {', '.join(column['levels'][:8])}" if column["levels"] else ""
        more = ", ..." if len(column["levels"]) > 8 else ""
        missing = f", {column['n_missing']:,} missing" if column["n_missing"] else ""
        print(f"  obs {column['name']}: {column['kind']}, {column['n_levels']:,} levels{missing}{levels}{more}")
    if summary["obsm"]:
        print("  obsm " + ", ".join(f"{key} ({n_dims})" for key, n_dims in summary["obsm"].items()))
    for warning in inspection.warnings:
        print(f"  Warning: {warning}")


def _print_written(out: Path, written: Written) -> None:
    report: Mapping[str, Any] = written.report
    if "query" in report:
        far = report["query"]["cells_far_from_reference"]
        print(f"{far:,} of {report['data']['n_cells']:,} cells lie farther from the reference than its own cells do.")
    targets = [target for target in (report, *report.get("further_targets", ())) if "metrics" in target]
    for target in targets:
        rows = [("MultiMIL", target["metrics"]), *((model["name"], model["metrics"]) for model in target["baselines"])]
        if len(targets) > 1:
            print(f"{target['target']['column']}:")
        _print_models(rows)
        print(target["verdict"])
        if "planted_auroc" in target:
            print(f"The planted cells were found with an AUROC of {target['planted_auroc']:.2f}.")
    if targets and report["audit"]:
        print(report["audit"][0])
    print(f"Written to {out}: {', '.join(path.name for path in written.files)}.")


def _print_models(rows: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    from multimil_gui.analysis.result import Score
    from multimil_gui.analysis.words import interval

    names = list(rows[0][1])
    width = max(len(name) for name, _ in rows)
    cells = [(model, [interval(Score(**metrics[name])) for name in names]) for model, metrics in rows]
    wide = max(20, *(len(cell) for _, row in cells for cell in row))
    print("Predictions of donors never seen, with the 95 % interval over donors:")
    print(f"  {'':{width}}" + "".join(f"  {name:>{wide}}" for name in names))
    for model, row in cells:
        print(f"  {model:{width}}" + "".join(f"  {cell:>{wide}}" for cell in row))


def _print_json(content: Mapping[str, object]) -> None:
    from multimil_gui.jobs.documents import as_json

    print(as_json(content) if "report" in content else json.dumps(content, indent=2, default=str), end="\n")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _print_any_letter() -> None:
    """Never fail on a terminal that lacks a letter."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
