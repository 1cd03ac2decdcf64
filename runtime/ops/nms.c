/* nms.c: NonMaxSuppression: of each class the best boxes that do not overlap a better one by more than the threshold.
 *
 * Candidates are taken from a heap, the best score first and of equal ones the lower index; areas are computed in float32. NaN
 * ranks behind all scores. The number of boxes depends on the data, so it runs on the host.
 */
#include "runtime/ops/data.h"

#include <math.h>

enum { BOXES, SCORES, MOST, OVERLAP, SCORE };

static alt_status infer(struct alt_infer *inf)
{
    const struct alt_shape out = {2, {alt_dim_unknown(inf->dims), 3}};
    for (int i = BOXES; i < inf->n_in; i++) {
        if (i > SCORES && !alt_infer_has(inf, i))
            continue;
        ALT_CHECK(alt_infer_expect(inf, i, i == MOST ? ALT_CLASS_SIGNED : ALT_CLASS_FLOAT));
        if (inf->in[i]->dtype != (i == MOST ? ALT_INT64 : ALT_FLOAT32))
            return alt_infer_fail(inf, ALT_E_MODEL, "input %d must be %s", i, i == MOST ? "int64" : "float32");
    }
    const int boxes = alt_infer_rank(inf, BOXES), scores = alt_infer_rank(inf, SCORES);
    if ((boxes >= 0 && boxes != 3) || (scores >= 0 && scores != 3))
        return alt_infer_fail(inf, ALT_E_SHAPE, "boxes must be [batch, boxes, 4] and scores [batch, classes, boxes]");
    alt_infer_set(inf, 0, ALT_INT64, &out);
    return ALT_OK;
}

/* A box as corners. */
struct box {
    float x0, y0, x1, y1;
};

static struct box box_at(const float *b, bool center)
{
    if (center)
        return (struct box){b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2};
    return (struct box){fminf(b[1], b[3]), fminf(b[0], b[2]), fmaxf(b[1], b[3]), fmaxf(b[0], b[2])};
}

static bool overlap(const struct box *a, const struct box *b, float threshold)
{
    const float width = fminf(a->x1, b->x1) - fmaxf(a->x0, b->x0), height = fminf(a->y1, b->y1) - fmaxf(a->y0, b->y0);
    if (!(width > 0) || !(height > 0))
        return false;
    const float shared = width * height;
    const float area_a = (a->x1 - a->x0) * (a->y1 - a->y0), area_b = (b->x1 - b->x0) * (b->y1 - b->y0);
    const float whole = area_a + area_b - shared;
    return shared > 0 && area_a > 0 && area_b > 0 && whole > 0 && shared / whole > threshold;
}

/* Whether candidate a ranks behind candidate b. */
static bool behind(const float *score, int64_t a, int64_t b)
{
    const float x = score[a], y = score[b];
    if (x != x || y != y)
        return x != x && (y == y || a > b);
    return x != y ? x < y : a > b;
}

/* Restores the heap (no child before its parent) below `at`. */
static void sift(const float *score, int64_t *heap, int64_t n, int64_t at)
{
    const int64_t moved = heap[at];
    for (int64_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && behind(score, heap[child], heap[child + 1]))
            child++;
        if (!behind(score, moved, heap[child]))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

struct search {
    const float *boxes, *scores;
    int64_t batches, classes, n; /* n: boxes */
    int64_t most;                /* of a class */
    float overlap, score;
    bool center, by_score;
    int64_t *heap, *kept; /* [n]; [most] */
};

/* The boxes of one class, best first, in s->kept; returns how many. */
static int64_t search_class(const struct search *s, const float *boxes, const float *scores)
{
    int64_t n = 0, kept = 0;
    for (int64_t i = 0; i < s->n; i++)
        if (!s->by_score || scores[i] > s->score)
            s->heap[n++] = i;
    for (int64_t i = n / 2; i-- > 0;)
        sift(scores, s->heap, n, i);
    while (n > 0 && kept < s->most) {
        const int64_t best = s->heap[0];
        const struct box box = box_at(boxes + 4 * best, s->center);
        bool free = true;
        for (int64_t i = 0; free && i < kept; i++) {
            const struct box other = box_at(boxes + 4 * s->kept[i], s->center);
            free = !overlap(&box, &other, s->overlap);
        }
        if (free)
            s->kept[kept++] = best;
        s->heap[0] = s->heap[--n];
        if (n > 0)
            sift(scores, s->heap, n, 0);
    }
    return kept;
}

/* Element 0 of an optional input; `otherwise` when it is left out or empty. */
static float scalar(const struct alt_eval *e, int i, float otherwise)
{
    return i < e->n_in && e->in[i] && alt_tensor_count(e->in[i]) > 0 ? ((const float *)e->in[i]->data)[0] : otherwise;
}

static alt_status read_inputs(struct alt_eval *e, struct search *s)
{
    const struct alt_tensor *boxes = e->in[BOXES], *scores = e->in[SCORES];
    if (boxes->dim[2] != 4 || scores->dim[0] != boxes->dim[0] || scores->dim[2] != boxes->dim[1])
        return alt_eval_fail(e, ALT_E_SHAPE, "boxes must be [batch, boxes, 4] and scores [batch, classes, boxes]");
    *s = (struct search){.boxes = boxes->data,
                         .scores = scores->data,
                         .batches = boxes->dim[0],
                         .classes = scores->dim[1],
                         .n = boxes->dim[1]};
    if (e->n_in > MOST && e->in[MOST] && alt_tensor_count(e->in[MOST]) > 0)
        s->most = ((const int64_t *)e->in[MOST]->data)[0];
    s->most = s->most < 0 ? 0 : s->most < s->n ? s->most : s->n;
    s->overlap = scalar(e, OVERLAP, 0);
    s->score = scalar(e, SCORE, 0);
    s->by_score = e->n_in > SCORE && e->in[SCORE] && alt_tensor_count(e->in[SCORE]) > 0;
    s->center = alt_attr_int(e->node, "center_point_box", 0) != 0;
    return ALT_OK;
}

static alt_status eval(struct alt_eval *e)
{
    struct search s = {0};
    int64_t found = 0;
    ALT_CHECK(read_inputs(e, &s));
    const int64_t limit = alt_dims_count(4, (const int64_t[]){s.batches, s.classes, s.most, 3});
    const size_t bytes = alt_dtype_bytes(ALT_INT64, limit), row = alt_dtype_bytes(ALT_INT64, s.n);
    if (bytes == SIZE_MAX || row == SIZE_MAX)
        return alt_eval_fail(e, ALT_E_SHAPE, "too many boxes");
    int64_t *all = alt_eval_alloc(e, bytes);
    s.heap = alt_eval_alloc(e, row);
    s.kept = alt_eval_alloc(e, row);
    if (!all || !s.heap || !s.kept)
        return ALT_E_NOMEM;
    for (int64_t i = 0; limit > 0 && i < s.batches * s.classes; i++) {
        const int64_t batch = i / s.classes, kept = search_class(&s, s.boxes + batch * s.n * 4, s.scores + i * s.n);
        for (int64_t k = 0; k < kept; k++, found++) {
            all[3 * found] = batch;
            all[3 * found + 1] = i % s.classes;
            all[3 * found + 2] = s.kept[k];
        }
    }
    int64_t *out = alt_eval_output(e, 0, ALT_INT64, 2, (const int64_t[]){found, 3});
    if (!out)
        return ALT_E_NOMEM;
    for (int64_t i = 0; i < 3 * found; i++)
        out[i] = all[i];
    return ALT_OK;
}

const struct alt_op_impl alt_op_nms = {.infer = infer, .eval = eval};
