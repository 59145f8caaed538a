#!/usr/bin/env python3
"""Takes each rule of the claim protocol out of the code, once, and sees that the walk notices.

    tests/rules/run.py              every rule; writes the table of docs/protocol.md
    tests/rules/run.py --only WORD  the rules whose name holds WORD; prints, writes nothing

It works on a copy of the tracked files under the target directory. It fails if the text of a rule is
not found, if the changed code does not build, or if no seed catches the removal.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from rules import RULES, Rule

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "rules"
TABLE = ROOT / "docs" / "protocol.md"
FEW = 4
BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"
VIOLATED = re.compile(r"violated: (.+?) \| (\w+) seed (\d+) step (\d+) \|")


class Broken(Exception):
    """A rule that cannot be taken out as it is written."""


class Copy:
    """A copy of the tracked files, and what is built from it."""

    def __init__(self, number: int):
        self.tree = TARGET / f"tree{number}"
        self.target = TARGET / f"target{number}"

    def restore(self) -> None:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
        names = {name for name in listed.stdout.decode().split("\0") if (ROOT / name).is_file()}
        for old in self.tree.rglob("*"):
            if old.is_file() and old.relative_to(self.tree).as_posix() not in names:
                old.unlink()
        for name in names:
            source, copy = ROOT / name, self.tree / name
            # What has not changed keeps its time, and is not built again.
            if not copy.exists() or copy.read_bytes() != source.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)

    def take_out(self, rule: Rule) -> None:
        for edit in rule.edits:
            path = self.tree / edit.file
            text = path.read_text()
            if text.count(edit.old) != 1:
                raise Broken(f"found {text.count(edit.old)} times in {edit.file}: {edit.old!r}")
            path.write_text(text.replace(edit.old, edit.new))

    def walk(self, seeds: int) -> tuple[str, str, int, int] | None:
        """The shortest trace among the first violations of each kind of walk."""
        test = ["cargo", "test", "-q", "-p", "countersign-tests", "--test", "protocol"]
        env = dict(os.environ, CARGO_TARGET_DIR=str(self.target), CARGO_PROFILE_TEST_DEBUG="0",
                   RUSTFLAGS="--cap-lints=warn", RUST_BACKTRACE="0")
        built = subprocess.run([*test, "--no-run"], cwd=self.tree, env=env, capture_output=True, text=True)
        if built.returncode != 0:
            raise Broken(f"does not build:\n{built.stderr[-3000:]}")
        # Most removals show at once; only the others need all seeds.
        for first in (min(seeds, FEW), seeds):
            env["COUNTERSIGN_WALKS"] = str(first)
            ran = subprocess.run(test, cwd=self.tree, env=env, capture_output=True, text=True)
            found = VIOLATED.findall(ran.stdout + ran.stderr)
            if not found and ran.returncode != 0:
                raise Broken(f"fails without a violation:\n{(ran.stdout + ran.stderr)[-3000:]}")
            if found:
                traces = [(invariant, kind, int(seed), int(step)) for invariant, kind, seed, step in found]
                return min(traces, key=lambda trace: (trace[3], trace[1]))
        return None


def examine(rule: Rule, copies: Queue, seeds: int) -> tuple[Rule, tuple | None, str | None]:
    copy = copies.get()
    try:
        copy.restore()
        copy.take_out(rule)
        trace = copy.walk(seeds)
        fault = None if trace else f"no seed of {seeds} notices"
    except Broken as broken:
        trace, fault = None, str(broken)
    finally:
        copies.put(copy)
    print(f"{'ok  ' if trace else 'FAIL'} {rule.name}: {trace or fault}", flush=True)
    return rule, trace, fault


def table(results: list) -> str:
    lines = ["| rule removed | walk | seed | failing invariant | length of the trace |", "|---|---|---|---|---|"]
    for rule, trace, _ in results:
        if trace:
            invariant, kind, seed, step = trace
            lines.append(f"| {rule.name} | {kind.lower()} | {seed} | {invariant} | {step} |")
    return "\n".join(lines)


def write(results: list) -> None:
    text = TABLE.read_text()
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    TABLE.write_text(f"{head}{BEGIN}\n{table(results)}\n{END}{tail}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="WORD", help="the rules whose name holds WORD")
    parser.add_argument("--seeds", type=int, default=100, help="seeds a kind of walk (100)")
    parser.add_argument("--jobs", type=int, default=1, help="rules at once, each with a build of its own (1)")
    options = parser.parse_args()

    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names), "two rules of one name"
    rules = [rule for rule in RULES if not options.only or options.only in rule.name]
    copies: Queue = Queue()
    for number in range(options.jobs):
        copies.put(Copy(number))
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda rule: examine(rule, copies, options.seeds), rules))

    faults = [(rule, fault) for rule, trace, fault in results if not trace]
    for rule, fault in faults:
        print(f"{rule.name}: {fault}", file=sys.stderr)
    if not faults and not options.only:
        write(results)
    print(f"{len(results) - len(faults)} of {len(results)} removals are noticed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
