#!/usr/bin/env python3
"""Checks of the sources that no compiler makes: who includes whom, and how long files grow.

The layers are include/alt <- runtime <- jit <- tuner; a file may include its own layer and those below. runtime/alt.c
is where the parts are put together and the one file that may look upward. samples/ see the public interface alone,
tools/, tests/ and bench/ everything. Each rule of RULES is a test; layers_test.py shows each of them refusing
something.

usage: layers.py [ROOT]
"""
import os
import re
import subprocess
import sys

LAYERS = ("include/alt", "runtime", "jit", "tuner")
COMPOSITION_ROOT = "runtime/alt.c"
FREE = ("tools/", "tests/", "bench/", "fuzz/")
LONGEST = 800
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.M)
# Headers of C11's library and of POSIX that <alt/...> and samples may use: only what C11 has.
C_LIBRARY = {f"{n}.h" for n in """assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal
stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar
wctype""".split()}


def layer(path):
    """Index in LAYERS of a file or of what is included; None for what belongs to no layer."""
    path = "include/" + path if path.startswith("alt/") else path
    for i, name in enumerate(LAYERS):
        if path.startswith(name + "/"):
            return i
    return None


def looks_upward(path, quoted, name):
    here, there = layer(path), layer(name)
    return here is not None and there is not None and there > here and path != COMPOSITION_ROOT


def outsider_included(path, quoted, name):
    """Libraries and programs include no tools, tests or samples."""
    inside = layer(path) is not None
    return inside and name.startswith(("tools/", "tests/", "samples/", "bench/"))


def public_header_needs_more_than_c(path, quoted, name):
    return path.startswith("include/alt/") and not (name.startswith("alt/") or name in C_LIBRARY)


def sample_sees_insides(path, quoted, name):
    return path.startswith("samples/") and (quoted or not (name.startswith("alt/") or name in C_LIBRARY))


def compiler_outside_gcc_files(path, quoted, name):
    return name == "libgccjit.h" and not re.fullmatch(r"jit/gcc_\w+\.[ch]", path)


def search_outside_worker(path, quoted, name):
    """tuner/search/ is the worker's alone: no file of a library reads it."""
    return name.startswith("tuner/search/") and not path.startswith(("tuner/search/",) + FREE)


def public_header_in_quotes(path, quoted, name):
    """One spelling: <alt/x.h> for the public headers, "folder/x.h" from the root for all others."""
    mine = name.split("/")[0] in ("runtime", "jit", "tuner", "tools", "tests", "samples")
    return (quoted and name.startswith(("alt/", "include/", "."))) or (not quoted and mine)


RULES = {
    looks_upward: "a layer may include itself and the layers below it (include/alt, runtime, jit, tuner)",
    outsider_included: "the library may not include tools, tests, samples or bench",
    public_header_needs_more_than_c: "a public header may include the C library and <alt/...> only",
    sample_sees_insides: "a sample may include the C library and <alt/...> only",
    compiler_outside_gcc_files: "<libgccjit.h> belongs into jit/gcc_* alone",
    search_outside_worker: "tuner/search/ belongs to the worker alone",
    public_header_in_quotes: "write <alt/x.h> for public headers and \"folder/x.h\", from the root, for all others",
}


def findings(path, text):
    """What is wrong with one file, as lines."""
    out = []
    for match in INCLUDE.finditer(text):
        for broken, reason in RULES.items():
            if broken(path, match[1] == '"', match[2]):
                line = text.count("\n", 0, match.start()) + 1
                out.append(f"{path}:{line}: includes {match[2]}: {reason}")
    if text.count("\n") > LONGEST:
        out.append(f"{path}: {text.count(chr(10))} lines, at most {LONGEST}: is there a second job inside?")
    return out


def sources(root):
    """C files and scripts of the project: what git tracks, or without git what lies there."""
    try:
        listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        listed = ""
    if listed:
        names = listed.split("\0")
    else:
        names = [os.path.relpath(os.path.join(folder, name), root)
                 for folder, _, files in os.walk(root) for name in files]
    return [n for n in names if n.endswith((".c", ".h", ".py", ".def")) and not n.startswith(("build", "."))
            and os.path.exists(os.path.join(root, n))]


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    passed = failed = 0
    for path in sorted(sources(root)):
        with open(os.path.join(root, path), encoding="utf-8") as f:
            found = findings(path, f.read())
        print(*found, sep="\n", end="\n" if found else "")
        passed, failed = passed + (not found), failed + bool(found)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
