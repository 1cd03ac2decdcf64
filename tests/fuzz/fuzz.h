/* fuzz.h: what a fuzz target implements; libFuzzer and replay.c call it. A target ends the program (abort, a sanitizer)
 * when it finds something and returns 0 otherwise. */
#ifndef ALT_TESTS_FUZZ_FUZZ_H
#define ALT_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Optional; onnx.c has one. Changes `data` in place, at most `most` bytes afterwards; returns its size. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
/* libFuzzer's own. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

#endif
