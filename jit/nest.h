/* nest.h: loop nests: what is computed, in which order, in which registers. The form that transformations work on, that
 * the interpreter runs (nest_run.c, the oracle) and that gcc_emit.c translates without deciding anything.
 *
 *   nest f32x16 fused registers=32
 *   symbol 1
 *   in x[s,4,56,56,16]
 *   in w[4,64,3,3,16]
 *   out y[s,4,56,56,16]
 *   scratch panel[64,32]
 *   tile acc[14,2]
 *   parallel n s {
 *     serial cb 4 {
 *       when 0 <= oh+kh-1 < 56 {
 *         unrolled i 14 {
 *           splat xv[0] = x[n,cb,oh+kh-1,14*t+i,ci]
 *           fma acc[i,j] += xv[0] * wv[j]
 *         }
 *       } else {
 *         zero xv[0]
 *       }
 *     }
 *     store y[n,2*ot+j,oh,14*t+i,0] = acc[i,j] lanes=5 axis=1
 *   }
 *
 * Values are vectors of `f32x<lanes>`. A *tile* is an array of vectors in registers, indexed by unrolled loops alone,
 * so that each element becomes a register. All tile elements are 0 when a kernel's tile of work begins. A *buffer* is
 * dense, with physical extents. `in` and `out` are operands, their position is the operand's number; inputs are only
 * read, outputs only written. `scratch` is memory of the thread's own, behind the operands, written and read; its content is
 * undefined when a tile of work begins. splat reads operands alone.
 *
 *   zero T            every lane 0
 *   splat T = B       one element in every lane
 *   load T = B        lane l has the element l positions further along `axis` (default: the last) for l < `lanes`
 *                     (default: all); the other lanes are 0 and nothing is read for them
 *   store B = T       the reverse; lanes past `lanes` are not written
 *   prefetch B        nothing; the element will be read soon, from another tile of work
 *   fma T += T * T    fused: one rounding; split: the product is rounded, then the sum
 *   add T += T
 *   max T c           t < c ? c : t   so NaN stays, and -0 under max with +0
 *   min T c           t > c ? c : t
 *
 * Loops: the outermost ones may be `parallel`: each holding nothing but the next, they are fused, row-major, to the
 * range of the kernel; an output position is written for one value of their variables only. `unrolled` bodies are
 * repeated in the code. `when` bodies run where the condition holds, `else` bodies where not. Names of variables count
 * in their loop's body.
 *
 * The symbol `s` is an extent that is known when the kernel runs, from 1 to ALT_NEST_SYMBOL_MOST; behind the word stands the
 * one that the nest is made to be fast for. It may be the extent of one axis of an operand whose axes before it have
 * extent 1, the extent of a loop that is not unrolled (`s`, or `s/14` for the number of pieces of 14 that cover it, the last
 * one perhaps short), and the limit of a condition.
 */
#ifndef ALT_JIT_NEST_H
#define ALT_JIT_NEST_H

#include <alt/base.h>

#include "jit/affine.h"

struct alt_arena;

#define ALT_NEST_FORMAT 3 /* of the text and its meaning; part of every kernel's build tag */
#define ALT_NEST_NAME 12
#define ALT_NEST_RANK 8
#define ALT_NEST_TILE_RANK 3
#define ALT_NEST_BUFFERS 8
#define ALT_NEST_TILES 8
#define ALT_NEST_LOOPS 256
#define ALT_NEST_DEPTH 32 /* of loops and conditions in each other */
#define ALT_NEST_LANES 16
#define ALT_NEST_REGISTERS 64 /* tile elements */
#define ALT_NEST_STATEMENTS 4096
#define ALT_NEST_EMITTED 65536 /* statements after unrolling */
#define ALT_NEST_SYMBOL (-1)   /* as an extent of a buffer, or a limit */
#define ALT_NEST_SYMBOL_MOST (INT64_C(1) << 16)

/* suffix, name */
#define ALT_LOOP_TABLE(X) \
    X(PARALLEL, "parallel") \
    X(SERIAL, "serial") \
    X(UNROLLED, "unrolled")

enum alt_loop_kind {
#define ALT_LOOP_ROW(suffix, name) ALT_LOOP_##suffix,
    ALT_LOOP_TABLE(ALT_LOOP_ROW)
#undef ALT_LOOP_ROW
        ALT_LOOP_COUNT
};

/* suffix, name, form: what stands behind the name */
#define ALT_STMT_TABLE(X) \
    X(LOOP, "", CONTROL) \
    X(WHEN, "when", CONTROL) \
    X(ZERO, "zero", UNARY) \
    X(SPLAT, "splat", READ) \
    X(LOAD, "load", READ) \
    X(STORE, "store", WRITE) \
    X(PREFETCH, "prefetch", TOUCH) \
    X(FMA, "fma", TERNARY) \
    X(ADD, "add", BINARY) \
    X(MAX, "max", BOUND) \
    X(MIN, "min", BOUND)

enum alt_stmt_kind {
#define ALT_STMT_ROW(suffix, name, form) ALT_STMT_##suffix,
    ALT_STMT_TABLE(ALT_STMT_ROW)
#undef ALT_STMT_ROW
        ALT_STMT_COUNT
};

/* suffix, name */
#define ALT_BUFFER_TABLE(X) \
    X(IN, "in") \
    X(OUT, "out") \
    X(SCRATCH, "scratch")

enum alt_buffer_kind {
#define ALT_BUFFER_ROW(suffix, name) ALT_BUFFER_##suffix,
    ALT_BUFFER_TABLE(ALT_BUFFER_ROW)
#undef ALT_BUFFER_ROW
        ALT_BUFFER_COUNT
};

struct alt_nest_buffer {
    char name[ALT_NEST_NAME];
    enum alt_buffer_kind kind;
    int rank;
    int64_t extent[ALT_NEST_RANK];
};

struct alt_nest_tile {
    char name[ALT_NEST_NAME];
    int rank;
    int64_t extent[ALT_NEST_TILE_RANK];
};

struct alt_nest_loop {
    char name[ALT_NEST_NAME];
    enum alt_loop_kind kind;
    int64_t extent; /* with `per`: for the typical symbol */
    int64_t per;    /* > 0: as often as pieces of so much cover the symbol */
};

struct alt_tile_ref {
    int tile;
    struct alt_affine at[ALT_NEST_TILE_RANK];
};

struct alt_buffer_ref {
    int buffer;
    struct alt_affine at[ALT_NEST_RANK];
    int axis, lanes; /* load, store */
};

/* Which fields count follows from the kind. */
struct alt_stmt {
    enum alt_stmt_kind kind;
    struct alt_stmt *next;
    struct alt_stmt *body, *other; /* loop, when; other: else */
    int var;                       /* loop: its number */
    struct alt_affine condition;   /* when 0 <= condition < limit */
    int64_t limit;
    struct alt_tile_ref *dst, *a, *b; /* store: dst is what is stored; prefetch: none */
    struct alt_buffer_ref *ref;
    float value;
};

/* Everything in one arena. */
struct alt_nest {
    int lanes, registers;
    bool fused;
    int64_t typical; /* value of the symbol to be fast for; 0: there is no symbol */
    int n_buffers, n_tiles, n_loops, n_statements;
    struct alt_nest_buffer buffer[ALT_NEST_BUFFERS];
    struct alt_nest_tile tile[ALT_NEST_TILES];
    struct alt_nest_loop loop[ALT_NEST_LOOPS];
    struct alt_stmt *body;
};

const char *alt_loop_kind_name(enum alt_loop_kind kind);
const char *alt_buffer_kind_name(enum alt_buffer_kind kind);
const char *alt_stmt_kind_name(enum alt_stmt_kind kind);

/* Canonical text, cut off at `size` and terminated when size > 0; returns its whole length. */
size_t alt_nest_print(const struct alt_nest *nest, char *out, size_t size);
/* The reverse. ALT_E_MALFORMED for anything that is not a text of a nest; the nest is not verified. ALT_E_NOMEM. */
alt_status alt_nest_parse(struct alt_arena *arena, const char *text, struct alt_nest **out)
    __attribute__((warn_unused_result));

/* ALT_E_ILLEGAL unless every access is proven to lie in its buffer or tile, tiles fit in the registers, parallel loops
 * are outermost and independent, and unrolling stays within ALT_NEST_EMITTED. `why` (may be NULL) becomes a static text
 * then. */
alt_status alt_nest_verify(const struct alt_nest *nest, const char **why) __attribute__((warn_unused_result));

/* How often a loop runs. `symbol` counts nothing in a nest without one. */
int64_t alt_nest_extent(const struct alt_nest *nest, int var, int64_t symbol);

/* The parallel loops, outermost first, and what they hold. */
struct alt_nest_range {
    int count;
    int var[ALT_NEST_DEPTH];
    int64_t range; /* product of the extents that do not depend on the symbol */
    int64_t per;   /* > 0: times that of the loop that does */
    const struct alt_stmt *body;
};
void alt_nest_range(const struct alt_nest *nest, struct alt_nest_range *out);
/* Tiles of work in all. */
int64_t alt_nest_tiles(const struct alt_nest_range *range, int64_t symbol);

/* Bytes of scratch of a verified nest, and where each scratch buffer begins in it (a multiple of ALT_NEST_ALIGN); other
 * buffers' entries are 0. `offset` may be NULL. */
#define ALT_NEST_ALIGN 64
size_t alt_nest_scratch(const struct alt_nest *nest, size_t offset[ALT_NEST_BUFFERS]);

/* Runs tiles [begin, end) of a verified nest, data[b] being operand b and `scratch` that many bytes. */
void alt_nest_run(const struct alt_nest *nest, void *const *data, void *scratch, int64_t symbol, int64_t begin,
                  int64_t end);

/* ---- building ---- */

/* Keeps the first failure; every call after it does nothing. */
struct alt_nest_builder {
    struct alt_arena *arena;
    struct alt_nest *nest;
    alt_status status;
    int depth;
    struct alt_stmt **tail[ALT_NEST_DEPTH]; /* where the next statement of each open body goes */
    struct alt_stmt *open[ALT_NEST_DEPTH];
};

void alt_nest_begin(struct alt_nest_builder *b, struct alt_arena *arena, int lanes, int registers, bool fused);
/* The nest has a symbol. */
void alt_nest_symbol(struct alt_nest_builder *b, int64_t typical);
int alt_nest_buffer(struct alt_nest_builder *b, enum alt_buffer_kind kind, const char *name, int rank,
                    const int64_t *extent);
int alt_nest_tile(struct alt_nest_builder *b, const char *name, int rank, const int64_t *extent);
/* Opens a loop and returns its variable. */
int alt_nest_loop(struct alt_nest_builder *b, enum alt_loop_kind kind, const char *name, int64_t extent);
/* One that covers the symbol in pieces of `per`. */
int alt_nest_loop_over(struct alt_nest_builder *b, enum alt_loop_kind kind, const char *name, int64_t per);
/* Opens a condition; alt_nest_else opens its other side. */
void alt_nest_when(struct alt_nest_builder *b, struct alt_affine condition, int64_t limit);
void alt_nest_else(struct alt_nest_builder *b);
/* Closes what was opened last. */
void alt_nest_end(struct alt_nest_builder *b);
/* Appends a copy of `s` with copies of what it refers to. */
void alt_nest_add(struct alt_nest_builder *b, const struct alt_stmt *s);

#endif
