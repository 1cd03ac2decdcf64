#!/usr/bin/env python3
"""tally.py against what test programs print."""
import unittest

import closing
from tally import count


class Count(unittest.TestCase):
    def test_silent_programs_count_as_one(self):
        self.assertEqual(count("OK", ""), [1, 0, 0])
        self.assertEqual(count("FAIL", ""), [0, 1, 0])
        self.assertEqual(count("TIMEOUT", ""), [0, 1, 0])
        self.assertEqual(count("SKIP", ""), [0, 0, 1])

    def test_closing_line_wins_and_the_last_counts(self):
        self.assertEqual(count("OK", "1 passed, 0 failed, 0 skipped\n8 passed, 0 failed, 2 skipped\n"), [8, 0, 2])
        self.assertEqual(count("FAIL", "8 passed, 3 failed\n"), [8, 3, 0])

    def test_tap(self):
        self.assertEqual(count("FAIL", "1..4\nok 1 a\nnot ok 2 b\nok 3 c # SKIP no file\nok 4\n"), [2, 1, 1])

    def test_cmocka(self):
        text = "[==========] 4 test(s) run.\n[  PASSED  ] 2 test(s).\n[  SKIPPED ] 1 test(s), listed below:\n" \
               "[  SKIPPED ] c\n[  FAILED  ] 1 test(s), listed below:\n[  FAILED  ] d\n"
        self.assertEqual(count("FAIL", text), [2, 1, 1])
        self.assertEqual(count("OK", "[  PASSED  ] 2 test(s).\n[  PASSED  ] 3 test(s).\n"), [5, 0, 0])

    def test_a_crash_after_passed_cases_is_a_failure(self):
        self.assertEqual(count("FAIL", "1..2\nok 1\n"), [1, 1, 0])
        self.assertEqual(count("FAIL", "7 passed, 0 failed, 0 skipped\nruntime error: overflow\n"), [7, 1, 0])


if __name__ == "__main__":
    closing.main()
