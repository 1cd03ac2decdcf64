/* content.h: small symbolic contents through pointwise integer arithmetic, for shape inference on the graph: exporters
 * compute the shape of one tensor from that of another. With numbers on both sides the results are exact (64-bit). */
#ifndef ALT_RUNTIME_OPS_CONTENT_H
#define ALT_RUNTIME_OPS_CONTENT_H

#include "runtime/infer.h"

/* Contents longer than this are not followed. */
#define ALT_CONTENT_MAX 64

/* One element from two; ALT_DIM_BAD when nothing is known about it. */
typedef alt_dim alt_content_fn(struct alt_dimtab *tab, alt_dim a, alt_dim b);

alt_dim alt_content_add(struct alt_dimtab *tab, alt_dim a, alt_dim b);
alt_dim alt_content_sub(struct alt_dimtab *tab, alt_dim a, alt_dim b);
alt_dim alt_content_mul(struct alt_dimtab *tab, alt_dim a, alt_dim b);
alt_dim alt_content_div(struct alt_dimtab *tab, alt_dim a, alt_dim b); /* truncates, as Div does */
alt_dim alt_content_min(struct alt_dimtab *tab, alt_dim a, alt_dim b);
alt_dim alt_content_max(struct alt_dimtab *tab, alt_dim a, alt_dim b);
/* 1 or 0; an extent equals no negative number. */
alt_dim alt_content_equal(struct alt_dimtab *tab, alt_dim a, alt_dim b);

/* Content of input i broadcast to the `count` elements of output 0; false when it is not known or too long. */
bool alt_content_get(struct alt_infer *inf, int i, int count, alt_dim *out);
/* Number of elements of output 0 when it is an integer or bool tensor of rank 0 or 1 and of known, small extent; else -1. */
int alt_content_count(const struct alt_infer *inf);
/* Output 0 (set already) from inputs 0 and 1 element by element, where both contents are known. */
alt_status alt_content_zip(struct alt_infer *inf, alt_content_fn *fn);
/* Output 0 (set already) has the content of input 0. */
alt_status alt_content_same(struct alt_infer *inf);

#endif
