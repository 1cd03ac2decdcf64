#!/usr/bin/env python3
"""Every package that ./dev or pip installs is explained in docs/dependencies.md, and what the build wants is installed."""
import pathlib
import re
import unittest

import closing

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What meson finds a library by, and the Debian package that brings it.
BRINGS = {"jansson": "libjansson-dev", "sqlite3": "libsqlite3-dev", "cmocka": "libcmocka-dev", "uthash": "uthash-dev",
          "papi": "libpapi-dev", "threads": "libc6-dev"}


def listed(kind):
    return re.search(rf"^{kind}_packages=\(([^)]*)\)", (ROOT / "dev").read_text(), re.M)[1].split()


def explained():
    return set(re.findall(r"`([^`\s]+)`", (ROOT / "docs" / "dependencies.md").read_text()))


class Packages(unittest.TestCase):
    def test_debian_packages_are_explained(self):
        for kind in ("build", "test", "fmt", "fuzz", "neon", "arm64"):
            self.assertTrue(listed(kind))
            self.assertLessEqual(set(listed(kind)), explained())

    def test_python_packages_are_pinned_and_explained(self):
        lines = [line for folder in ("tests", "bench") for line in (ROOT / folder / "requirements.txt").read_text().splitlines()
                 if line[:1] not in ("", "#")]
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, r"^[\w-]+==[\d.]+$")
            self.assertIn(line.split("==")[0], explained())

    def test_what_the_build_wants_is_installed(self):
        wanted = set()
        for path in ROOT.glob("**/meson.build"):
            if not path.relative_to(ROOT).parts[0].startswith((".", "build")):
                wanted |= set(re.findall(r"\bdependency\('([^']+)'", path.read_text()))
        self.assertTrue(wanted)
        for name in wanted:
            self.assertIn(name, BRINGS, "say here which package brings it")
            self.assertIn(BRINGS[name], listed("build") + listed("test"))


if __name__ == "__main__":
    closing.main()
