/* attention.h: Attention bound to a shape: what attention.c prepares and attention_run.c runs. */
#ifndef ALT_RUNTIME_OPS_ATTENTION_H
#define ALT_RUNTIME_OPS_ATTENTION_H

#include "runtime/ops/product.h"
#include "runtime/ops/wide.h"

struct alt_kargs;

/* Where the heads of an operand lie: strides in elements. */
struct alt_heads {
    int64_t batch, head, row, col;
};

/* Keys (and values) come in two segments: past and new. */
enum { ALT_ATTENTION_PAST, ALT_ATTENTION_NEW, ALT_ATTENTION_SEGMENTS };

struct alt_attention_segment {
    int key, value; /* operands; key 0: there is none */
    struct alt_heads k, v;
    int64_t first, length, block; /* position of the first key; keys; keys that are taken at once */
    /* Products by [rows of the last tile or of another][last block or another]. */
    struct alt_product scores[2][2], sums[2][2];
};

struct alt_attention {
    alt_dtype dtype;
    enum alt_wide wide;
    size_t size, real; /* bytes of an element, of what is computed in */
    bool widened;      /* float16, bfloat16: rows go through float32 */
    int64_t batch, heads, kv_heads, rows, keys, head_size, value_size;
    int64_t tile_rows, row_tiles, tiles; /* tiles behind these copy to present_key and present_value */
    double scale, softcap;
    bool causal;
    int scores_mode; /* qk_matmul_output_mode */
    struct alt_heads q, y;
    struct alt_attention_segment segment[ALT_ATTENTION_SEGMENTS];
    struct {
        int operand; /* 0: none */
        bool flags;  /* of bool */
        size_t size;
        alt_load_fn *load;
        int64_t batch, head, row, col, length; /* strides; keys behind `length` are masked */
    } mask;
    int nonpad; /* operand; 0: none */
    int64_t nonpad_stride;
    int out, present[2], scores_out; /* operands; 0: not wanted */
    alt_load_fn *load, *copy;
    alt_store_fn *store;
    size_t at_scores, at_part, at_sum, at_query, at_keys, at_product; /* in scratch */
};

void alt_attention_run(const struct alt_kargs *args);

#endif
