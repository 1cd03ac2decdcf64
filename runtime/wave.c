/* wave.c: see wave.h. Steps join the wave before them while they can; program order stays. */
#include "runtime/wave.h"

struct finder {
    const struct alt_program *program;
    struct alt_binding *b;
    int first_root; /* of this segment: it writes no others */
};

/* Whether two buffers share memory. */
static bool overlap(const struct finder *f, int i, int k)
{
    if (i == k)
        return true;
    if (i < f->first_root || k < f->first_root)
        return false;
    const struct alt_root *a = &f->b->root[i], *c = &f->b->root[k];
    return a->kind == ALT_ROOT_ARENA && c->kind == ALT_ROOT_ARENA && a->offset < c->offset + c->bytes && c->offset < a->offset + a->bytes;
}

/* Whether step `writer` writes where an operand of `other` lies, outputs or all. */
static bool disturbs(const struct finder *f, const struct alt_step *writer, const struct alt_step *other)
{
    for (int i = 0; i < writer->n_out; i++)
        for (int k = 0; writer->out[i] >= 0 && k < other->n_in + other->n_out; k++) {
            const int v = k < other->n_in ? other->in[k] : other->out[k - other->n_in];
            if (v >= 0 && overlap(f, f->b->value[writer->out[i]].root, f->b->value[v].root))
                return true;
        }
    return false;
}

static bool runs(const struct finder *f, int s) { return !f->b->step[s - f->b->first].skip; }

/* Whether step s, which has something to run, can be in a wave with the steps from `begin` on. */
static bool joins(const struct finder *f, int begin, int s)
{
    const struct alt_step *step = &f->program->step[s];
    for (int k = begin; k < s; k++) {
        const struct alt_step *before = &f->program->step[k];
        if (runs(f, k) && (disturbs(f, before, step) || disturbs(f, step, before)))
            return false;
    }
    return true;
}

static bool on_host(const struct finder *f, int s) { return f->program->step[s].kind == ALT_STEP_HOST; }

/* The end of the wave that begins with step `begin`. A step on the host is alone. */
static int wave_end(const struct finder *f, int begin)
{
    int steps = 0, operands = 0, end = begin;
    for (; end < f->b->end && !on_host(f, end); end++) {
        if (!runs(f, end))
            continue;
        operands += f->program->step[end].n_in + f->program->step[end].n_out;
        if (steps > 0 && (steps == ALT_WAVE_STEPS || operands > ALT_WAVE_OPERANDS || !joins(f, begin, end)))
            break;
        steps++;
    }
    return end > begin ? end : begin + 1;
}

void alt_wave_find(const struct alt_program *program, struct alt_binding *b)
{
    const struct finder f = {program, b, b->parent ? b->parent->n_roots : 0};
    for (int s = b->first; s < b->end; s++)
        b->step[s - b->first].wave = 0;
    for (int begin = b->first, end; begin < b->end; begin = end) {
        end = wave_end(&f, begin);
        b->step[begin - b->first].wave = end - begin;
    }
}
