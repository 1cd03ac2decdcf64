/* peak.c: what one core of this machine can do at most, as one line for bench/compare.py: "ISA GFLOP/s GB/s". */
#include "tools/peak.h"

#include <stdio.h>

int main(void)
{
    struct peak p;
    if (!peak_measure(1, &p)) {
        fprintf(stderr, "peak: no memory for an array far larger than any cache\n");
        return 1;
    }
    printf("%s %.1f %.1f\n", p.isa, p.flops / 1e9, p.memory / 1e9);
    return 0;
}
