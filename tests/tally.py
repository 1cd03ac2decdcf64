#!/usr/bin/env python3
"""Counts what the test runs did and closes with one line: N passed, N failed, N skipped.

Reads meson's testlog.json of each run. Most test programs hold many cases, so what counts is what a program says of
itself, in one of the forms below; a program that says nothing counts as one case with meson's verdict. A program that
meson calls failed though it reports no failed case (a crash, a sanitizer's finding, a time-out) counts as one failed
case more. Exits 1 when anything failed, also when nothing ran at all.

usage: tally.py [--failed WHAT] [--skipped WHAT] [testlog.json]...
"""
import json
import re
import sys

CLOSING_LINE = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$", re.M)
TAP_PLAN = re.compile(r"^1\.\.\d+", re.M)
TAP_LINE = re.compile(r"^(not )?ok\b([^\n]*)", re.M)
CMOCKA = {"passed": re.compile(r"^\[  PASSED  \] (\d+) test", re.M),
          "failed": re.compile(r"^\[  FAILED  \] (?:[^\n]*?: )?(\d+) test", re.M),
          "skipped": re.compile(r"^\[  SKIPPED \] (?:[^\n]*?: )?(\d+) test", re.M)}
SKIPPED, PASSED = ("SKIP",), ("OK", "EXPECTEDFAIL")


def closing_line(text):
    found = CLOSING_LINE.findall(text)
    return [int(n or 0) for n in found[-1]] if found else None


def tap(text):
    if not TAP_PLAN.search(text):
        return None
    counts = [0, 0, 0]
    for bad, rest in TAP_LINE.findall(text):
        counts[2 if re.search(r"#\s*skip", rest, re.I) else 1 if bad else 0] += 1
    return counts


def cmocka(text):
    counts = [sum(map(int, CMOCKA[key].findall(text))) for key in ("passed", "failed", "skipped")]
    return counts if any(counts) else None


def count(result, text):
    """[passed, failed, skipped] of one test program."""
    counts = closing_line(text) or tap(text) or cmocka(text)
    if result in SKIPPED:
        return counts or [0, 0, 1]
    if result in PASSED:
        return counts or [1, 0, 0]
    counts = counts or [0, 0, 0]
    return counts if counts[1] else [counts[0], 1, counts[2]]


def main(arguments):
    total, words = [0, 0, 0], iter(arguments)
    for word in words:
        if word in ("--failed", "--skipped"):
            total[1 if word == "--failed" else 2] += 1
            print(f"{word[2:]}: {next(words)}")
            continue
        for line in open(word, encoding="utf-8", errors="replace"):
            test = json.loads(line)
            counts = count(test["result"], (test.get("stdout") or "") + "\n" + (test.get("stderr") or ""))
            total = [a + b for a, b in zip(total, counts)]
            if counts[1]:
                print(f"failed: {test['name']} ({test['result']}, {counts[1]} cases) in {word.rsplit('/', 3)[-3]}")
    print("%d passed, %d failed, %d skipped" % tuple(total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
