#!/usr/bin/env python3
"""op_table.py must find what is wrong with a row, and nothing else."""
import unittest

import op_table


def findings(row):
    (_, _, fields), = op_table.rows(row)
    return " | ".join(op_table.check(fields)) if fields else "cannot be read"


class OpTable(unittest.TestCase):
    def finds(self, row, text):
        self.assertIn(text, findings(row))

    def test_sound_rows(self):
        for row in ('ALT_OP(ADD, "Add", "", 1, 0, 2, 2, 1, 1, ALT_OP_POINTWISE | ALT_OP_COMMUTES, binary)',
                    'ALT_OP(CONCAT, "Concat", "", 1, 0, 1, -1, 1, 1, ALT_OP_SHAPE, concat)',
                    'ALT_OP(EXPAND, "Expand", "", 8, 0, 2, 2, 1, 1, ALT_OP_SHAPE, expand)',
                    'ALT_OP(UPSAMPLE, "Upsample", "", 1, 9, 1, 2, 1, 1, 0, resize)'):
            self.assertEqual(findings(row), "")

    def test_a_deprecated_version_that_a_newer_one_replaced(self):
        self.assertEqual(findings('ALT_OP(X, "GroupNormalization", "", 18, 0, 3, 3, 1, 1, 0, x)'), "")

    def test_unknown_operator(self):
        self.finds('ALT_OP(X, "Ad", "", 7, 0, 2, 2, 1, 1, 0, x)', "has no operator")
        self.finds('ALT_OP(X, "Add", "ai.onnx.ml", 7, 0, 2, 2, 1, 1, 0, x)', "has no operator")

    def test_numbers(self):
        self.finds('ALT_OP(X, "Add", "", 7, 0, 1, 2, 1, 1, 0, x)', "min inputs is 1, ONNX says 2")
        self.finds('ALT_OP(X, "Add", "", 7, 0, 2, 3, 1, 1, 0, x)', "max inputs is 3, ONNX says 2")
        self.finds('ALT_OP(X, "Split", "", 7, 0, 1, 2, 1, 9, 0, x)', "max outputs is 9, ONNX says -1")
        # Squeeze takes its axes as an input from 13 on
        self.finds('ALT_OP(X, "Squeeze", "", 7, 0, 1, 1, 1, 1, 0, x)', "max inputs is 1, ONNX says 2")
        self.finds('ALT_OP(X, "Squeeze", "", 7, 12, 1, 2, 1, 1, 0, x)', "max inputs is 2, ONNX says 1")

    def test_ranges(self):
        self.finds('ALT_OP(X, "Celu", "", 11, 0, 1, 1, 1, 1, 0, x)', "exists from opset 12")
        self.finds('ALT_OP(X, "Add", "", 13, 0, 2, 2, 1, 1, 0, x)', "say in a comment")
        self.assertEqual(findings('ALT_OP(X, "Add", "", 13, 0, 2, 2, 1, 1, 0, x) /* why */'), "")
        self.finds('ALT_OP(X, "Add", "", 7, 27, 2, 2, 1, 1, 0, x)', "write 0")
        self.finds('ALT_OP(X, "Add", "", 7, 10, 2, 2, 1, 1, 0, x)', "no new version comes with opset 11")
        self.finds('ALT_OP(X, "Upsample", "", 7, 0, 1, 2, 1, 1, 0, x)', "deprecated from opset 10")

    def test_withdrawn_experiments(self):
        self.assertEqual(findings('ALT_OP(X, "Crop", "", 1, 9, 1, 1, 1, 1, 0, image) /* withdrawn experiment */'), "")
        self.finds('ALT_OP(X, "Crop", "", 1, 0, 1, 1, 1, 1, 0, image) /* withdrawn experiment */', "from 1 to 9")
        self.finds('ALT_OP(X, "Crop", "", 1, 9, 1, 1, 1, 1, 0, image)', "says so")

    def test_other_domains(self):
        self.assertEqual(findings('ALT_OP(X, "QLinearAdd", "com.microsoft", 1, 0, 7, 8, 1, 1, 0, x)'), "")
        self.finds('ALT_OP(X, "QLinearAdd", "com.microsoft", 1, 0, 7, 7, 1, 1, 0, x)', "com.microsoft has it")

    def test_unreadable_row(self):
        self.assertEqual(findings('ALT_OP(X, Add, "", 7, 0, 2, 2, 1, 1, 0, x)'), "cannot be read")


if __name__ == "__main__":
    unittest.main()
