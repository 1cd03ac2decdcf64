/* kernel.h: the kernel ABI. Default and generated kernels alike are called this way and in no other.
 *
 * A kernel is a pure function of its arguments: no libc, no thread-local storage, no constructor, no allocation (default
 * kernels of ops/ may call libm and memcpy). It computes tiles [begin, end) of its parallel loop; tiles are independent and
 * each writes its own part of the outputs, so any partition over threads gives the same bits.
 */
#ifndef ALT_RUNTIME_KERNEL_H
#define ALT_RUNTIME_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALT_KERNEL_ABI 1
#define ALT_MAX_PHYSICAL_RANK 16 /* layouts add axes */

/* One operand. Strides and extents are those of the *physical* axes (layout.h), in elements; they belong to the binding. */
struct alt_koperand {
    void *data;            /* element at physical index 0; NULL: omitted */
    int rank;              /* physical */
    const int64_t *extent; /* [rank] */
    const int64_t *stride; /* [rank], elements; 0 repeats (broadcast view) */
};

union alt_kscalar {
    int64_t i;
    double d;
    float f;
};

struct alt_kargs {
    uint32_t abi; /* ALT_KERNEL_ABI */
    uint32_t operand_count;
    const struct alt_koperand *operand; /* inputs, then outputs */
    const int64_t *extent;              /* symbolic extents, in the order the descriptor names them */
    const union alt_kscalar *scalar;    /* scales, zero points, clip bounds */
    int64_t begin, end;                 /* tiles of the parallel loop */
    void *scratch;                      /* the descriptor's bytes, this thread's own, ALT_ALIGN aligned, content undefined */
    const void *params;                 /* default kernels: what bind() prepared; generated kernels: unused */
    int32_t *fault;                     /* a kernel that meets an illegal element (an index out of range) stores an
                                           enum alt_fault here, atomically or from any tile; it must still finish */
};

enum alt_fault { ALT_FAULT_NONE = 0, ALT_FAULT_INDEX = 1, ALT_FAULT_DIVIDE = 2, ALT_FAULT_VALUE = 3 };

typedef void alt_kernel_fn(const struct alt_kargs *args);

/* Answers agree with the default plan to the bit, or within the operator's bound. */
enum alt_kernel_numerics { ALT_KERNEL_EXACT, ALT_KERNEL_FAST };

struct alt_kernel_bind;

/* What a kernel promises and needs. Immutable. */
struct alt_kernel {
    const char *name; /* for plans, profiles and messages */
    alt_kernel_fn *fn;
    /* Fills what depends on the concrete shape (step.h); NULL: nothing does, the range is 1. Returns alt_status. */
    int (*bind)(struct alt_kernel_bind *bind);
    unsigned flags;                    /* enum alt_kernel_flag */
    enum alt_kernel_numerics numerics;
    int align;                         /* bytes that every operand's data must be aligned to; 0: its element */
    /* The i-th of the dense pieces of the only output that a tile writes, in elements; false: there are no more. NULL: nobody can
       say, so that no pointwise work can follow it tile by tile (fuse.h). */
    bool (*piece)(const void *params, int64_t tile, int i, int64_t *begin, int64_t *end);
    unsigned epilogue; /* which parts of one (enum alt_kernel_epilogue_part) it can take; output 0 is float32 then */
};

/* What can be done to results before they are stored: each rounded as if it were a step of its own, in this order. */
enum alt_kernel_epilogue_part {
    ALT_EPILOGUE_ROW = 1,  /* a vector with an element for each index of the last axis is added */
    ALT_EPILOGUE_ADD = 2,  /* a tensor of the output's shape and layout is added */
    ALT_EPILOGUE_LIMIT = 4 /* what is below `low` becomes that, then what is above `high`; others stay, NaN too */
};

struct alt_kernel_epilogue {
    unsigned parts;
    int row, add; /* operands of the step, behind the kernel's own inputs; float32, `row` dense */
    float low, high;
};

enum alt_kernel_flag {
    ALT_KERNEL_STRIDED = 1,    /* inputs may have any strides; otherwise they are dense in physical order */
    ALT_KERNEL_INPLACE = 2,    /* outputs may share memory with a dense input of the same element size and extents */
    ALT_KERNEL_INPLACE_0 = 4   /* output 0 may share memory with input 0 so, but with no other */
};

#endif
