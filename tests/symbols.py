#!/usr/bin/env python3
"""What libalt shows and what it keeps.

1. The exported symbols are exactly the functions declared with ALT_API in include/alt.
2. It holds no variable that can be written: sessions must not know of each other. WRITABLE names the exceptions.

usage: symbols.py ROOT libalt.so
"""
import glob
import re
import subprocess
import sys

# Variables that may be written, each with its reason.
WRITABLE = {
    "facts": "machine.c: names of this machine, the same whoever finds them",
    "kept": "cpu.c: facts about the CPU, the same whoever detects them",
    "process_mutex": "fork.c: forks are the process' own",
    "newest": "fork.c: the list of what hangs on a fork",
    "once": "fork.c: handlers are installed once a process",
    "install_error": "fork.c: how that went",
    "shared": "pool.c: threads are the process' own; one pool serves every session",
    "quit": "pool.c: only its address means something",
}
# What compiler and linker put into every shared object.
OF_THE_TOOLCHAIN = re.compile(r"^(completed\.\d+|__dso_handle|__TMC_END__|_edata|__bss_start|_end|\.\w+)$")


def declared(root):
    names = set()
    for path in glob.glob(f"{root}/include/alt/*.h"):
        with open(path, encoding="utf-8") as f:
            text = re.sub(r"/\*.*?\*/|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", f.read(), flags=re.S | re.M)
        for declaration in re.findall(r"\bALT_API\b([^;{]*);", text):
            names.add(re.search(r"(\w+)\s*\(", declaration)[1])
    return names


def tool(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def exported(library):
    return {line.split()[-1].split("@")[0] for line in tool("nm", "-D", "--defined-only", library).splitlines()}


def writable(library):
    """Names of the variables in sections that stay writable after loading, with the section."""
    row = re.compile(r"^[0-9a-f]+ .{7} (\.(?:data|bss|tdata|tbss)(?:\.(?!rel\.ro)\S*)?)\t[0-9a-f]+ +(?:\.\w+ )?(\S+)$")
    rows = map(row.match, tool("objdump", "-t", library).splitlines())
    return {m[2]: m[1] for m in rows if m and not OF_THE_TOOLCHAIN.match(m[2])}


def main():
    root, library = sys.argv[1:]
    declarations, symbols, variables = declared(root), exported(library), writable(library)
    # A function's static variable carries a number behind its name.
    allowed = {v for v in variables if v.split(".")[0] in WRITABLE}
    problems = [f"{s}: exported but not declared with ALT_API in include/alt" for s in sorted(symbols - declarations)]
    problems += [f"{s}: declared with ALT_API but not in {library}" for s in sorted(declarations - symbols)]
    problems += [f"{v}: a variable in {variables[v]}, writable: move it into a session, or name it in WRITABLE with a reason"
                 for v in sorted(set(variables) - allowed)]
    problems += [f"{v}: named in WRITABLE, but there is no such variable" for v in WRITABLE
                 if v not in {a.split(".")[0] for a in allowed}]
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"{len(symbols & declarations) + len(allowed)} passed, {len(problems)} failed, 0 skipped")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
