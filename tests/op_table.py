#!/usr/bin/env python3
"""Holds runtime/op.def against the schemas of the onnx package.

Each row claims an operator, the opsets in which alt implements it, and how many inputs and outputs it may have. Checked,
for every opset from the row's first to its last (0: the newest that alt reads): ONNX has the operator there, and the
row's numbers of inputs and outputs allow what ONNX allows in some of these opsets and no more. "first" must be the oldest
opset alt reads, or the one in which ONNX introduced the operator, unless the row says in a comment why it is later.
Withdrawn experiments have a table of their own.

usage: op_table.py OP.DEF   (exit status 1 and one line a finding)
"""
import re
import sys

import onnx.defs

OLDEST, NEWEST = 1, 27
ANY = 2**31 - 1
# Experiments of ONNX that its package no longer knows; runtimes have kept them up to this opset. One input, one output.
WITHDRAWN = {"Affine": 9, "Crop": 9, "ImageScaler": 9}
# Operators of other domains: first opset, last, least and most inputs and outputs, as the runtime that defines them has them.
FOREIGN = {("com.microsoft", "QGemm"): (1, 0, 6, 9, 1, 1), ("com.microsoft", "QLinearAdd"): (1, 0, 7, 8, 1, 1),
           ("com.microsoft", "QLinearGlobalAveragePool"): (1, 0, 5, 5, 1, 1),
           ("com.microsoft", "QLinearMul"): (1, 0, 7, 8, 1, 1)}
ROW = re.compile(r'^ALT_OP\((\w+),\s*"([^"]+)",\s*"([^"]*)",\s*(-?\d+),\s*(-?\d+),\s*(-?\d+),\s*(-?\d+),\s*(-?\d+),'
                 r'\s*(-?\d+),\s*([^,]+),\s*(\w+)\)(.*)$')


def rows(text):
    """(line number, fields) of every row; a row that cannot be read is a finding of its own."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("ALT_OP("):
            match = ROW.match(line)
            yield number, line, match and (match.group(1), match.group(2), match.group(3),
                                           *map(int, match.groups()[3:9]), match.group(11), match.group(12))


def versions(name, domain):
    """since_version of every version of an operator, ascending, with its schema."""
    found = [s for s in onnx.defs.get_all_schemas_with_history() if s.name == name and s.domain == domain]
    return sorted(((s.since_version, s) for s in found), key=lambda pair: pair[0])


def newest(domain):
    """Newest opset of a domain that alt reads."""
    known = [s.since_version for s in onnx.defs.get_all_schemas_with_history() if s.domain == domain]
    return NEWEST if domain == "" else max(known, default=0)


def in_force(history, first, last):
    """The schemas in force at some opset of first..last."""
    starts = [since for since, _ in history]
    return [(since, s) for i, (since, s) in enumerate(history)
            if since <= last and (i + 1 == len(starts) or starts[i + 1] > first)]


def limits(schemas):
    """Least and most inputs and outputs over some schemas; -1 for any number."""
    def most(values):
        return -1 if max(values) >= ANY else max(values)
    return (min(s.min_input for s in schemas), most([s.max_input for s in schemas]),
            min(s.min_output for s in schemas), most([s.max_output for s in schemas]))


def check(fields):
    """The findings about one row."""
    _, name, domain, first, last, *numbers, _, comment = fields
    history = versions(name, domain)
    if (domain, name) in FOREIGN:
        if (first, last, *numbers) != FOREIGN[domain, name]:
            yield f"{domain} has it from opset, to opset, with inputs and outputs {FOREIGN[domain, name]}"
        return
    if domain == "" and name in WITHDRAWN:
        if (first, last, *numbers) != (OLDEST, WITHDRAWN[name], 1, 1, 1, 1) or "withdrawn" not in comment:
            yield f"a withdrawn experiment goes from {OLDEST} to {WITHDRAWN[name]}, has one input and output and says so"
        return
    if not history:
        yield f"ONNX {onnx.__version__} has no operator {domain or 'ai.onnx'}:{name}"
        return
    oldest = max(OLDEST if domain == "" else 1, history[0][0])
    end = last or newest(domain)
    if first < oldest:
        yield f"first is {first}, but {name} exists from opset {oldest} on (alt reads {OLDEST} and newer)"
    if first > oldest and "/*" not in comment:
        yield f"first is {first}, but ONNX has it from {oldest} on: say in a comment behind the row why alt starts later"
    if last and last < first:
        yield f"last ({last}) is before first ({first})"
        return
    if last >= newest(domain):
        yield f"last is {last}: write 0 for 'all newer ones'"
    covered = in_force(history, first, end)
    if not covered:
        yield f"no version of {name} is in force from {first} to {end}"
        return
    if last and not any(since == last + 1 for since, _ in history):
        yield f"last is {last}, but no new version comes with opset {last + 1}"
    # A version may be deprecated in favour of a newer one of the same name (GroupNormalization 18): only the end counts.
    if covered[-1][1].deprecated:
        yield f"{name} is deprecated from opset {covered[-1][0]} on: last must be {covered[-1][0] - 1} or less"
    want = limits([s for _, s in covered if not s.deprecated] or [covered[0][1]])
    for label, has, needs in zip(("min inputs", "max inputs", "min outputs", "max outputs"), numbers, want):
        if has != needs:
            yield f"{label} is {has}, ONNX says {needs}"


def main(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    failed, passed, seen = 0, 0, {}
    for number, line, fields in rows(text):
        if fields is None:
            findings = [f"cannot be read: {line}"]
        else:
            findings = list(check(fields))
            key = fields[1], fields[2]
            if key in seen:
                findings.append(f"{fields[1]} has a row in line {seen[key]} already")
            seen[key] = number
        for finding in findings:
            print(f"{path}:{number}: {fields[1] if fields else 'row'}: {finding}")
        failed += bool(findings)
        passed += not findings
    if passed + failed == 0:
        sys.exit(f"{path} holds no row")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
