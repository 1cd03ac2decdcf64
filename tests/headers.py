#!/usr/bin/env python3
"""Every header compiles alone, twice in one file, with the project's warnings; the public ones as C++ too.

usage: headers.py ROOT CC... [-- CXX...]
"""
import glob
import os
import subprocess
import sys

WARNINGS = ["-Wall", "-Wextra", "-Wundef", "-Werror"]


def compiles(compiler, language, header, root):
    """The compiler's complaints, or "" when there are none."""
    text = f'#include "{header}"\n#include "{header}"\nextern int alt_header_test;\n'
    command = compiler + language + WARNINGS + ["-D_GNU_SOURCE", f"-I{root}", f"-I{root}/include", "-fsyntax-only", "-"]
    run = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return run.stdout or "" if run.returncode else ""


def main():
    root, rest = sys.argv[1], sys.argv[2:]
    cut = rest.index("--") if "--" in rest else len(rest)
    cc, cxx = rest[:cut], rest[cut + 1:]
    found = sorted(os.path.relpath(path, root) for folder in ("include", "runtime", "jit", "tuner", "tools", "tests")
                   for path in glob.glob(f"{root}/{folder}/**/*.h", recursive=True))
    public = [h for h in found if h.startswith("include/alt/")]
    work = [(cc, ["-x", "c", "-std=c11", "-pedantic"], h) for h in found]
    work += [(cxx, ["-x", "c++", "-std=c++11", "-pedantic"], h) for h in public if cxx]
    failed = 0
    for compiler, language, header in work:
        complaint = compiles(compiler, language, header, root)
        if complaint:
            print(f"{header} does not compile alone as {language[1]}:\n{complaint}")
            failed += 1
    print(f"{len(work) - failed} passed, {failed} failed, {0 if cxx else len(public)} skipped")
    return 1 if failed or not public else 0


if __name__ == "__main__":
    sys.exit(main())
