#!/usr/bin/env python3
"""Writes docs/operators.md: the operators of runtime/op.def, and what the ONNX backend suite says of them.

usage: operators_md.py ROOT                    checks that the page's table is that of op.def; exit status 1 when not
       operators_md.py ROOT --write [RUNNER DATA]   writes the page; RUNNER is build/tests/onnx_backend and DATA the folder
                                               that tests/onnx_data.py prints. Without them the suite's part stays as it is.
"""
import pathlib
import re
import subprocess
import sys

ROW = re.compile(r'^ALT_OP\(\w+,\s*"([^"]+)",\s*"([^"]*)",\s*(\d+),\s*(\d+),\s*(-?\d+),\s*(-?\d+),\s*(-?\d+),\s*(-?\d+),'
                 r'\s*[^,]+,\s*(\w+)\)[ \t]*(?:/\*\s*(.*?)\s*\*/)?', re.M)
SUITE = "## The backend suite"
LEFT_OUT = {
    "CastMap, DictVectorizer, ZipMap": "their inputs or outputs are maps, which alt's values do not include",
    "CategoryMapper, SVMClassifier, SVMRegressor": "not written yet",
    "FlexAttention": "a preview, whose subgraphs work on types that are known only behind shape inference",
    "Gradient": "it is training; alt infers",
    "ImageDecoder": "it needs a library for each image format",
}
HEAD = """# Operators

Made by `tests/operators_md.py` from `runtime/op.def` and a run of ONNX's own tests; do not edit. To make it again:
`.venv/bin/python tests/operators_md.py . --write build/tests/onnx_backend $(.venv/bin/python tests/onnx_data.py)`.

"Opsets" are those of the operator's domain; a row without an end goes on to the newest that alt reads. `alt_run --list-ops` says the
same. Types without a kernel are refused when a model is loaded, with the node's name; each family's file says what it computes
in, and in which order it adds.
"""


def span(values):
    low, high = values
    return f"{low}" if low == high else f"{low} or more" if high < 0 else f"{low} to {high}"


def table(text):
    """The page's first part."""
    lines = [HEAD, "| operator | domain | opsets | inputs | outputs | family |", "|---|---|---|---|---|---|"]
    rows = sorted(ROW.findall(text), key=lambda row: (row[1], row[0]))
    for name, domain, first, last, least_in, most_in, least_out, most_out, family, why in rows:
        opsets = f"{first} to {last}" if last != "0" else f"from {first}"
        note = f" ({why})" if why else ""
        lines.append(f"| {name} | {domain or 'ai.onnx'} | {opsets}{note} | {span((int(least_in), int(most_in)))} | "
                     f"{span((int(least_out), int(most_out)))} | [{family}](../runtime/ops/{family}.c) |")
    lines += ["", f"{len(rows)} operators. Left out:", ""]
    lines += [f"- {name}: {why}." for name, why in LEFT_OUT.items()]
    return "\n".join(lines) + "\n\n"


def reason(test, block):
    """Why a test is not passed, from what the runner says."""
    found = re.findall(r'node "[^"]*" \((\w+), domain [^,]*, opset (\d+)\): (.*)', block)
    if found:
        return "; ".join(dict.fromkeys(f"{op} of opset {opset}: {why}" for op, opset, why in found))
    return re.sub(r"\s+", " ", re.sub(r'model "[^"]*": ', "", block)).strip() or test


def suite(runner, data, skips):
    """The page's second part."""
    said = subprocess.run([runner, data, "--verbose", "--skip", skips], capture_output=True, text=True, check=False).stdout
    head, _, rest = said.partition("operator  ")
    left, groups = [], []
    for block in re.split(r"^(?=not supported |FAILED )", head, flags=re.M)[1:]:
        test = re.match(r"(?:not supported|FAILED) (\w+)", block).group(1)
        left.append((test, ("" if block.startswith("not") else "FAILS: ") + reason(test, block.split("): ", 1)[1])))
    for line in rest.splitlines():
        row = re.match(r"^(.+?) +(\d+) +(\d+) +(\d+)$", line)
        skip = re.match(r"^skipped (\w+): (.*)", line)
        if row:
            groups.append((row.group(1).strip(), *map(int, row.groups()[1:])))
        elif skip:
            left.append(skip.groups())
    passed, total = sum(g[1] for g in groups), sum(sum(g[1:]) for g in groups) + len(re.findall(r"^skipped ", rest, re.M))
    lines = [SUITE, "", f"Of {total} tests {passed} pass. A test counts for the operator that it is about; \"several operators\" are "
             "tests of whole functions and models.", "", "| operator | pass | do not |", "|---|---|---|"]
    lines += [f"| {name} | {good} | {bad + unsupported} |" for name, good, bad, unsupported in groups]
    lines += ["", "### Tests that do not pass", "", "| test | why |", "|---|---|"]
    lines += [f"| {test} | {why.replace('|', '/')} |" for test, why in sorted(left)]
    return "\n".join(lines) + "\n"


def main(arguments):
    root, write = pathlib.Path(arguments[0]), arguments[1:2] == ["--write"]
    page, first = root / "docs" / "operators.md", table((root / "runtime" / "op.def").read_text(encoding="utf-8"))
    old = page.read_text(encoding="utf-8") if page.exists() else ""
    before, mark, after = old.partition(SUITE)
    if write:
        second = suite(*arguments[2:4], root / "tests" / "onnx_backend_skip.txt") if len(arguments) == 4 else mark + after
        page.write_text(first + second, encoding="utf-8")
        return 0
    stale = before != first
    if stale:
        print("docs/operators.md is not what runtime/op.def says: run tests/operators_md.py . --write")
    print(f"{int(not stale)} passed, {int(stale)} failed, 0 skipped")
    return int(stale)


if __name__ == "__main__":
    if len(sys.argv) < 2 or len(sys.argv) not in (2, 3, 5) or sys.argv[2:3] not in ([], ["--write"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
