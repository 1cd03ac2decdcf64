"""closing.py: runs a module's unittest cases and closes with the line that tally.py counts."""
import sys
import unittest


def main():
    result = unittest.main(module="__main__", argv=[sys.argv[0]], exit=False).result
    failed, skipped = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses), len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or not result.testsRun else 0)
