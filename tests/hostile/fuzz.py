"""Open damaged files without end: ``python tests/hostile/fuzz.py --count 100000 --state fuzz.json``.

Mutant ``number`` of ``seed`` is always the same file. The state remembers how far it came and what came of it, so that
a long run can be interrupted and taken up again. Ends with 1 when anything went wrong; those files are kept.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from multimil_hostile.judge import judge
from multimil_hostile.warm import warm_server


def main() -> int:
    """Open the mutants and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000, help="mutants in all, those of earlier runs included")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--state", type=Path, help="file that remembers the run")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="folder for what went wrong")
    options = parser.parse_args()
    state = _read(options.state, options.seed)
    outcomes, wrong = Counter(state["outcomes"]), dict(state["wrong"])
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, warm_server() as command:
        number = state["done"]
        while number < options.count and time.monotonic() - began < options.seconds:
            place = Path(folder) / str(number)
            verdict = judge(options.seed, number, place, command)
            outcomes[verdict.outcome] += 1
            state["first"].setdefault(verdict.outcome, number)
            if verdict.wrong:
                wrong[str(number)] = verdict.wrong
                _say(f"{number}: {verdict.wrong}")
                options.keep.mkdir(parents=True, exist_ok=True)
                place.rename(options.keep / f"{options.seed}-{number}")
            state["slowest"] = max(state["slowest"], verdict.seconds)
            number += 1
            state.update(done=number, outcomes=dict(outcomes), wrong=wrong)
            if options.state and number % 50 == 0:
                options.state.write_text(json.dumps(state, indent=1))
    if options.state:
        options.state.write_text(json.dumps(state, indent=1))
    for outcome, times in outcomes.most_common():
        _say(f"{times:7,}  {outcome}")
    _say(
        f"{number:,} files, {len(wrong)} wrong, slowest {state['slowest']:.1f} s, this run {time.monotonic() - began:.0f} s"
    )
    return int(bool(wrong))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _read(path: Path | None, seed: int) -> dict:
    fresh = {"seed": seed, "done": 0, "outcomes": {}, "first": {}, "wrong": {}, "slowest": 0.0}
    if path is None or not path.exists():
        return fresh
    state = json.loads(path.read_text())
    if state["seed"] != seed:
        sys.exit(f"{path} belongs to seed {state['seed']}.")
    return state


if __name__ == "__main__":
    sys.exit(main())
