/* kernel_check_data.c: operators that only move elements. A reference says, for each element of the output, which element
 * of which input it is. All element sizes are run, since the kernels move bytes.
 */
#include "tests/kernel_check.h"

#include "runtime/type.h"

#include <string.h>

static void transpose_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                                struct kc_tensor *out)
{
    (void)c;
    const int64_t *perm;
    int64_t dims[ALT_MAX_RANK], order[ALT_MAX_RANK], at[ALT_MAX_RANK], from[ALT_MAX_RANK];
    int rank = in->rank;
    bool given = alt_attr_ints(node, "perm", &perm) > 0;
    for (int d = 0; d < rank; d++) {
        order[d] = given ? perm[d] : rank - 1 - d;
        dims[d] = in->dim[order[d]];
    }
    kc_out(out, rank, dims, false);
    for (int64_t i = 0; i < out->count; i++) {
        kc_coordinates(rank, dims, i, at);
        for (int d = 0; d < rank; d++)
            from[order[d]] = at[d];
        out->value[i] = in->value[kc_index(rank, in->dim, from)];
    }
}

static void concat_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                             struct kc_tensor *out)
{
    int64_t dims[ALT_MAX_RANK], at[ALT_MAX_RANK];
    int axis = (int)alt_attr_int(node, "axis", 0), rank = in[0].rank;
    axis += axis < 0 ? rank : 0;
    memcpy(dims, in[0].dim, sizeof in[0].dim);
    for (int k = 1; k < c->n_in; k++)
        dims[axis] += in[k].dim[axis];
    kc_out(out, rank, dims, false);
    for (int64_t i = 0; i < out->count; i++) {
        int k = 0;
        kc_coordinates(rank, dims, i, at);
        while (at[axis] >= in[k].dim[axis])
            at[axis] -= in[k++].dim[axis];
        out->value[i] = in[k].value[kc_index(rank, in[k].dim, at)];
    }
}

static void split_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                            struct kc_tensor *out)
{
    int64_t at[ALT_MAX_RANK], start = 0;
    int axis = (int)alt_attr_int(node, "axis", 0);
    for (int o = 0; o < c->n_out; o++) {
        int64_t dims[ALT_MAX_RANK];
        memcpy(dims, in[0].dim, sizeof in[0].dim);
        dims[axis] = (int64_t)in[1].value[o];
        kc_out(&out[o], in[0].rank, dims, false);
        for (int64_t i = 0; i < out[o].count; i++) {
            kc_coordinates(in[0].rank, dims, i, at);
            at[axis] += start;
            out[o].value[i] = in[0].value[kc_index(in[0].rank, in[0].dim, at)];
        }
        start += dims[axis];
    }
}

/* starts, ends, axes, steps are inputs 1 to 4; the cases keep them in range. */
static void slice_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                            struct kc_tensor *out)
{
    (void)c;
    (void)node;
    int rank = in->rank;
    int64_t dims[ALT_MAX_RANK], start[ALT_MAX_RANK] = {0}, step[ALT_MAX_RANK], at[ALT_MAX_RANK];
    memcpy(dims, in->dim, sizeof in->dim);
    for (int d = 0; d < rank; d++)
        step[d] = 1;
    for (int64_t k = 0; k < in[3].count; k++) {
        int axis = (int)in[3].value[k];
        int64_t end = (int64_t)in[2].value[k], extent = in->dim[axis];
        step[axis] = (int64_t)in[4].value[k];
        start[axis] = (int64_t)in[1].value[k];
        start[axis] += start[axis] < 0 ? extent : 0;
        end += end < -extent ? extent + 1 : end < 0 ? extent : 0; /* below the start: one before it */
        if (end < -1)
            end = -1;
        if (end > extent)
            end = extent;
        int64_t span = step[axis] > 0 ? end - start[axis] + step[axis] - 1 : end - start[axis] + step[axis] + 1;
        dims[axis] = span / step[axis] > 0 ? span / step[axis] : 0;
    }
    kc_out(out, rank, dims, false);
    for (int64_t i = 0; i < out->count; i++) {
        kc_coordinates(rank, dims, i, at);
        for (int d = 0; d < rank; d++)
            at[d] = start[d] + at[d] * step[d];
        out->value[i] = in->value[kc_index(rank, in->dim, at)];
    }
}

static void expand_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                             struct kc_tensor *out)
{
    (void)c;
    (void)node;
    struct kc_tensor both[2] = {in[0], {.rank = (int)in[1].count}};
    for (int64_t d = 0; d < in[1].count; d++)
        both[1].dim[d] = (int64_t)in[1].value[d];
    kc_out_broadcast(out, 2, both, false);
    for (int64_t i = 0; i < out->count; i++)
        out->value[i] = in->value[kc_broadcast_index(in, out, i)];
}

static void tile_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                           struct kc_tensor *out)
{
    (void)c;
    (void)node;
    int64_t dims[ALT_MAX_RANK], at[ALT_MAX_RANK];
    for (int d = 0; d < in->rank; d++)
        dims[d] = in->dim[d] * (int64_t)in[1].value[d];
    kc_out(out, in->rank, dims, false);
    for (int64_t i = 0; i < out->count; i++) {
        kc_coordinates(in->rank, dims, i, at);
        for (int d = 0; d < in->rank; d++)
            at[d] %= in->dim[d];
        out->value[i] = in->value[kc_index(in->rank, in->dim, at)];
    }
}

static void gather_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                             struct kc_tensor *out)
{
    (void)c;
    int axis = (int)alt_attr_int(node, "axis", 0), rank = 0;
    int64_t dims[ALT_MAX_RANK], inner = 1, n = in[1].count, extent = in->dim[axis];
    for (int d = 0; d < axis; d++)
        dims[rank++] = in->dim[d];
    for (int d = 0; d < in[1].rank; d++)
        dims[rank++] = in[1].dim[d];
    for (int d = axis + 1; d < in->rank; d++) {
        inner *= in->dim[d];
        dims[rank++] = in->dim[d];
    }
    kc_out(out, rank, dims, false);
    for (int64_t i = 0; i < out->count; i++) {
        int64_t index = (int64_t)in[1].value[i / inner % n];
        index += index < 0 ? extent : 0;
        out->value[i] = in->value[(i / inner / n * extent + index) * inner + i % inner];
    }
}

/* Flatten, Reshape and the like: the same elements in the same order. */
static void reshape_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                              struct kc_tensor *out)
{
    (void)c;
    (void)node;
    int64_t dims[ALT_MAX_RANK];
    for (int64_t d = 0; d < in[1].count; d++)
        dims[d] = (int64_t)in[1].value[d];
    kc_out(out, (int)in[1].count, dims, false);
    for (int64_t i = 0; i < out->count; i++)
        out->value[i] = in->value[i];
}

static void depth_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                            struct kc_tensor *out)
{
    (void)c;
    int64_t b = alt_attr_int(node, "blocksize", 1), ch = in->dim[1] / (b * b), at[4];
    bool crd = strcmp(alt_attr_text(node, "mode", "DCR"), "CRD") == 0;
    kc_out(out, 4, (int64_t[]){in->dim[0], ch, in->dim[2] * b, in->dim[3] * b}, false);
    for (int64_t i = 0; i < out->count; i++) {
        kc_coordinates(4, out->dim, i, at);
        int64_t block = at[2] % b * b + at[3] % b;
        int64_t from[4] = {at[0], crd ? at[1] * b * b + block : block * ch + at[1], at[2] / b, at[3] / b};
        out->value[i] = in->value[kc_index(4, in->dim, from)];
    }
}

static void pad_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                          struct kc_tensor *out)
{
    (void)c;
    const char *mode = alt_attr_text(node, "mode", "constant");
    int rank = in->rank;
    int64_t dims[ALT_MAX_RANK], at[ALT_MAX_RANK];
    for (int d = 0; d < rank; d++)
        dims[d] = in->dim[d] + (int64_t)(in[1].value[d] + in[1].value[d + rank]);
    kc_out(out, rank, dims, false);
    for (int64_t i = 0; i < out->count; i++) {
        bool inside = true;
        kc_coordinates(rank, dims, i, at);
        for (int d = 0; d < rank; d++) {
            int64_t n = in->dim[d], p = at[d] - (int64_t)in[1].value[d];
            bool within = p >= 0 && p < n;
            if (strcmp(mode, "edge") == 0)
                p = p < 0 ? 0 : p >= n ? n - 1 : p;
            else if (strcmp(mode, "reflect") == 0)
                p = p < 0 ? -p : p >= n ? 2 * n - 2 - p : p;
            else if (strcmp(mode, "wrap") == 0)
                p = (p % n + n) % n;
            else
                inside &= within;
            at[d] = p;
        }
        out->value[i] = inside                           ? in->value[kc_index(rank, in->dim, at)]
                        : in[2].rank >= 0 && c->n_in > 2 ? in[2].value[0]
                                                         : 0;
    }
}

/* --- cases --- */

static const alt_dtype dtypes[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_UINT8, ALT_BOOL, ALT_INT64};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

static void known_ints(struct kc_case *c, int64_t count, const double *values)
{
    kc_in_known(c, ALT_INT64, 1, &count, values);
}

static void transpose_case(struct kc_run *run, alt_dtype dtype, int rank, const int64_t *dims, const int64_t *perm)
{
    struct kc_case c = kc_case("Transpose", 13, transpose_reference);
    kc_in(&c, dtype, rank, dims);
    if (perm)
        kc_attr_ints(&c, "perm", rank, perm);
    kc_check(run, &c);
}

static void transpose_cases(struct kc_run *run)
{
    for (int d = 0; d < DTYPES; d++) {
        transpose_case(run, dtypes[d], 2, (int64_t[]){37, 65}, NULL);
        transpose_case(run, dtypes[d], 3, (int64_t[]){5, 1, 7}, (int64_t[]){2, 0, 1});
        transpose_case(run, dtypes[d], 4, (int64_t[]){2, 9, 16, 3}, (int64_t[]){0, 2, 1, 3});
        transpose_case(run, dtypes[d], 4, (int64_t[]){2, 17, 5, 8}, (int64_t[]){0, 2, 3, 1});
    }
    for (int d = 0; d < DTYPES; d++) { /* channels last and first, images of three channels, heads */
        transpose_case(run, dtypes[d], 4, (int64_t[]){1, 64, 28, 28}, (int64_t[]){0, 2, 3, 1});
        transpose_case(run, dtypes[d], 4, (int64_t[]){1, 28, 28, 64}, (int64_t[]){0, 3, 1, 2});
        transpose_case(run, dtypes[d], 4, (int64_t[]){1, 112, 112, 3}, (int64_t[]){0, 3, 1, 2});
        transpose_case(run, dtypes[d], 4, (int64_t[]){1, 64, 12, 64}, (int64_t[]){0, 2, 1, 3});
    }
    transpose_case(run, ALT_FLOAT32, 0, NULL, NULL);
    transpose_case(run, ALT_FLOAT32, 3, (int64_t[]){4, 0, 3}, NULL);
    for (int i = 0; i < 25; i++) {
        int64_t dims[5], perm[5] = {0, 1, 2, 3, 4};
        int rank = (int)kc_random(run, 1, 5);
        kc_random_shape(run, rank, 4000, false, dims);
        for (int d = rank - 1; d > 0; d--) {
            int64_t other = kc_random(run, 0, d), kept = perm[d];
            perm[d] = perm[other];
            perm[other] = kept;
        }
        transpose_case(run, dtypes[kc_random(run, 0, DTYPES - 1)], rank, dims, perm);
    }
}

static void concat_cases(struct kc_run *run)
{
    for (int axis = -1; axis < 3; axis++)
        for (int d = 0; d < DTYPES; d++) {
            struct kc_case c = kc_case("Concat", 13, concat_reference);
            for (int k = 0; k < 4; k++) {
                int64_t dims[3] = {3, 5, 4};
                dims[axis < 0 ? 2 : axis] = (int64_t[]){2, 0, 7, 1}[k];
                kc_in(&c, dtypes[d], 3, dims);
            }
            kc_attr_int(&c, "axis", axis);
            kc_check(run, &c);
        }
    struct kc_case c = kc_case("Concat", 13, concat_reference);
    for (int k = 0; k < 3; k++) /* whole blocks of channels, but for the last */
        kc_in(&c, ALT_FLOAT32, 4, (int64_t[]){2, (int64_t[]){16, 32, 5}[k], 3, 7});
    kc_attr_int(&c, "axis", 1);
    kc_check(run, &c);
}

static void split_cases(struct kc_run *run)
{
    static const double sizes[] = {3, 1, 5};
    for (int axis = 0; axis < 3; axis++)
        for (int d = 0; d < DTYPES; d++) {
            int64_t dims[3] = {4, 6, 5};
            struct kc_case c = kc_case("Split", 18, split_reference);
            dims[axis] = 9;
            kc_in(&c, dtypes[d], 3, dims);
            known_ints(&c, 3, sizes);
            kc_attr_int(&c, "axis", axis);
            c.n_out = 3;
            kc_check(run, &c);
        }
}

static void slice_cases(struct kc_run *run)
{
    /* starts, ends, axes, steps of two axes of [7,10,3] */
    static const double table[][4][2] = {
        {{1, 2}, {5, 8}, {0, 1}, {1, 1}},        {{0, 9}, {7, 0}, {0, 1}, {2, -3}},
        {{-1, 0}, {-100, 100}, {0, 2}, {-1, 1}}, {{6, -3}, {0, 1000}, {0, 1}, {-2, 1}},
        {{3, 0}, {3, 10}, {0, 1}, {1, 4}},       {{2, 1}, {-1, 3}, {2, 1}, {1, 1}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (int d = 0; d < DTYPES; d++) {
            struct kc_case c = kc_case("Slice", 13, slice_reference);
            kc_in(&c, dtypes[d], 3, (int64_t[]){7, 10, 3});
            for (int k = 0; k < 4; k++)
                known_ints(&c, 2, table[i][k]);
            c.note = (const char *[]){"rows", "back", "reversed", "skipping", "empty", "corner"}[i];
            kc_check(run, &c);
        }
}

static void shape_cases(struct kc_run *run)
{
    static const double expand[] = {2, 1, 3, 5}, repeats[] = {2, 1, 3}, reshaped[] = {5, 2, 6}, flat[] = {60};
    for (int d = 0; d < DTYPES; d++) {
        struct kc_case c = kc_case("Expand", 13, expand_reference);
        kc_in(&c, dtypes[d], 3, (int64_t[]){4, 1, 5});
        known_ints(&c, 4, expand);
        kc_check(run, &c);
        c = kc_case("Tile", 13, tile_reference);
        kc_in(&c, dtypes[d], 3, (int64_t[]){3, 4, 5});
        known_ints(&c, 3, repeats);
        kc_check(run, &c);
        c = kc_case("Reshape", 21, reshape_reference);
        kc_in(&c, dtypes[d], 3, (int64_t[]){3, 4, 5});
        known_ints(&c, 3, reshaped);
        kc_check(run, &c);
        c = kc_case("Reshape", 21, reshape_reference);
        kc_in(&c, dtypes[d], 3, (int64_t[]){3, 4, 5});
        known_ints(&c, 1, flat);
        kc_check(run, &c);
    }
}

static void gather_cases(struct kc_run *run)
{
    for (int axis = 0; axis < 3; axis++)
        for (int d = 0; d < DTYPES; d++)
            for (int wide = 0; wide < 2; wide++) {
                struct kc_case c = kc_case("Gather", 13, gather_reference);
                kc_in(&c, dtypes[d], 3, (int64_t[]){6, 11, 7});
                struct kc_input *index = kc_in(&c, wide ? ALT_INT64 : ALT_INT32, 2, (int64_t[]){3, 4});
                index->low = -6;
                index->high = 5;
                kc_attr_int(&c, "axis", axis);
                kc_check(run, &c);
            }
}

static void depth_cases(struct kc_run *run)
{
    for (int d = 0; d < DTYPES; d++)
        for (int crd = 0; crd < 2; crd++) {
            struct kc_case c = kc_case("DepthToSpace", 13, depth_reference);
            kc_in(&c, dtypes[d], 4, (int64_t[]){2, 27, 4, 5});
            kc_attr_int(&c, "blocksize", 3);
            kc_attr_text(&c, "mode", crd ? "CRD" : "DCR");
            kc_check(run, &c);
        }
}

static void pad_cases(struct kc_run *run)
{
    static const char *const modes[] = {"constant", "edge", "reflect", "wrap"};
    static const double pads[] = {0, 2, 1, 1, 0, 3}, crop[] = {1, -1, 0, 0, 2, -2}, fill[] = {1};
    for (int m = 0; m < 4; m++)
        for (int d = 0; d < DTYPES; d++)
            for (int cropped = 0; cropped < 2; cropped++) {
                struct kc_case c = kc_case("Pad", 21, pad_reference);
                if (cropped && m == 2)
                    continue; /* a reflection of what was cut off: ONNX does not say what it is */
                kc_in(&c, dtypes[d], 3, (int64_t[]){4, 5, 6});
                known_ints(&c, 6, cropped ? crop : pads);
                if (m == 0 && d % 2)
                    kc_in_known(&c, dtypes[d], 0, NULL, fill);
                kc_attr_text(&c, "mode", modes[m]);
                c.note = cropped ? "cropped" : NULL;
                kc_check(run, &c);
            }
}

static void data_cases(struct kc_run *run)
{
    transpose_cases(run);
    concat_cases(run);
    split_cases(run);
    slice_cases(run);
    shape_cases(run);
    gather_cases(run);
    depth_cases(run);
    pad_cases(run);
}

const struct kc_family kc_data = {"data", data_cases};
