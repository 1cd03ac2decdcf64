#!/usr/bin/env python3
"""What must be built to run one suite of tests: prints the targets, one a line, relative to the build folder.

A suite that does not exist is an error that lists those which do. With --names lists only.

usage: suites.py BUILD SUITE | suites.py BUILD --names
"""
import json
import os
import subprocess
import sys


def introspect(build):
    """The tests and, by id, the files of the targets."""
    out = subprocess.run(["meson", "introspect", "--tests", "--targets", build], check=True, stdout=subprocess.PIPE).stdout
    known = json.loads(out)
    return known["tests"], {t["id"]: t["filename"] for t in known["targets"]}


def main():
    build, wanted = os.path.abspath(sys.argv[1]), sys.argv[2]
    tests, files = introspect(build)
    named = {}
    for test in tests:
        for suite in test["suite"]:
            named.setdefault(suite.split(":")[-1], []).append(test)
    if wanted == "--names":
        print(*sorted(named))
    elif wanted in named:
        targets = {files[d][0] for test in named[wanted] for d in test["depends"] if d in files}
        print(*sorted(os.path.relpath(t, build) for t in targets), sep="\n")
    else:
        print(f"there is no suite '{wanted}'; there are: {' '.join(sorted(named))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
