#!/usr/bin/env python3
"""Each rule of layers.py refuses what it should, and lets pass what it should."""
import unittest

import closing
from layers import LONGEST, findings

REFUSED = [
    ("runtime/a.c", '#include "jit/nest.h"'),
    ("jit/a.c", '#include "tuner/host.h"'),
    ("include/alt/a.h", '#include "runtime/op.h"'),
    ("runtime/a.c", '#include "tools/npy.h"'),
    ("include/alt/a.h", "#include <unistd.h>"),
    ("samples/a.c", '#include "runtime/op.h"'),
    ("samples/a.c", "#include <jansson.h>"),
    ("jit/nest.c", "# include <libgccjit.h>"),
    ("tools/a.c", "#include <libgccjit.h>"),
    ("tuner/host.c", '#include "tuner/search/space.h"'),
    ("runtime/a.c", '#include "alt/base.h"'),
    ("runtime/a.c", '#include "../jit/nest.h"'),
    ("runtime/a.c", "#include <runtime/op.h>"),
]
ALLOWED = [
    ("runtime/alt.c", '#include "tuner/host.h"'),
    ("tuner/a.c", '#include "jit/nest.h"\n#include "runtime/op.h"\n#include <alt/base.h>'),
    ("jit/gcc_lower.c", "#include <libgccjit.h>"),
    ("tuner/search/a.c", '#include "tuner/search/space.h"'),
    ("samples/a.c", "#include <alt/alt.h>\n#include <stdio.h>"),
    ("tools/a.c", '#include "runtime/graph.h"\n#include <unistd.h>'),
    ("include/alt/a.h", "#include <alt/base.h>\n#include <stdint.h>"),
]


class Layers(unittest.TestCase):
    def test_refused(self):
        for path, text in REFUSED:
            with self.subTest(path=path, text=text):
                self.assertTrue(findings(path, text + "\n"))

    def test_allowed(self):
        for path, text in ALLOWED:
            with self.subTest(path=path, text=text):
                self.assertEqual(findings(path, text + "\n"), [])

    def test_length(self):
        self.assertEqual(findings("runtime/a.c", "\n" * LONGEST), [])
        self.assertEqual(len(findings("runtime/a.c", "\n" * (LONGEST + 1))), 1)


if __name__ == "__main__":
    closing.main()
