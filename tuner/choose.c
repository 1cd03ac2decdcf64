/* choose.c: from measured variants to a candidate plan. Each subject's best kept variant is a candidate when its win in the
 * trial stands above the trial's own noise; whether the plan as a whole is faster, conversions between layouts and all, is
 * for confirm.c to find out on real runs. */
#include "tuner/tuner.h"

#include "runtime/choice.h"
#include "runtime/model.h"
#include "tuner/machine.h"
#include "tuner/object.h"

#include <stdio.h>
#include <string.h>

#define WORTH 1.02 /* least ratio in the trial, at the low end of its confidence interval */

static bool eligible(const struct alt_tuner *t, const struct alt_variant_result *v)
{
    bool exact = t->session->options.numerics == ALT_NUMERICS_EXACT;
    return !v->banned && v->result.ratio_low > WORTH && (!exact || v->result.exact);
}

bool alt_choose_best(struct alt_tuner *t)
{
    bool differs = false;
    for (int i = 0; i < t->n_subjects; i++) {
        struct alt_subject *s = &t->subject[i];
        s->candidate = s->chosen;
        for (int k = 0; k < s->n_kept; k++)
            if (eligible(t, &s->kept[k])) {
                s->candidate = s->kept[k].result.tag;
                break;
            }
        differs |= s->candidate != s->chosen;
    }
    return differs;
}

alt_status alt_choose_load(struct alt_tuner *t, struct alt_subject *s, struct alt_variant_result *v)
{
    const struct alt_object object = {.path = v->result.path, .symbol = v->result.symbol, .tag = v->result.tag,
                                      .variant = v->result.variant};
    char why[256] = "";
    if (v->code)
        return ALT_OK;
    alt_status status = alt_object_load(&object, &s->desc, &t->mem, &v->code, why, sizeof why);
    if (status != ALT_OK) {
        v->banned = true;
        alt_tuner_note(t, "a kernel could not be loaded: %s", why);
        if (t->records)
            (void)!alt_records_ban(t->records, v->result.tag, why);
    }
    return status;
}

static void retain_code(void *object) { (void)alt_code_hold(object); }
static void release_code(void *object) { alt_code_release(object); }

static alt_status add_choice(struct alt_subject *s, int member, struct alt_variant_result *v, struct alt_arena *arena,
                             struct alt_choice *out)
{
    const struct alt_expressed *e = &s->member[member];
    const struct alt_layout **layout = alt_arena_array(arena, ALT_DESC_MAX_OPERANDS, sizeof *layout);
    const struct alt_gvalue **result = alt_arena_array(arena, 1, sizeof *result);
    if (!layout || !result)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_variant_layouts(&s->desc, &alt_code_spec(v->code)->variant, arena, layout));
    *result = e->out;
    *out = (struct alt_choice){.node = s->region[member]->node, .n_nodes = s->region[member]->n_nodes, .in = e->in,
                               .n_in = e->n_in, .out = result, .n_out = 1, .in_layout = layout,
                               .out_layout = &layout[e->n_in], .kernel = alt_code_kernel(v->code),
                               .owner = {retain_code, release_code, v->code}};
    return ALT_OK;
}

static alt_status collect(struct alt_tuner *t, struct alt_arena *arena, struct alt_choices *out)
{
    struct alt_choice *item = alt_arena_array(arena, (size_t)t->regions.n_base + 1, sizeof *item);
    if (!item)
        return ALT_E_NOMEM;
    out->item = item;
    for (int i = 0; i < t->n_subjects; i++) {
        struct alt_subject *s = &t->subject[i];
        struct alt_variant_result *v = alt_subject_find(s, s->candidate);
        if (!v || alt_choose_load(t, s, v) != ALT_OK) {
            s->candidate = 0;
            continue;
        }
        for (int m = 0; m < s->n_members; m++)
            ALT_CHECK(add_choice(s, m, v, arena, &item[out->count++]));
    }
    return ALT_OK;
}

/* Layouts of choices live in the tuner's arena: as long as any plan made from them, which the tuner outlives. */
alt_status alt_choose_plan(struct alt_tuner *t, struct alt_plan **out, int *n_regions)
{
    struct alt_diag diag = {0};
    struct alt_choices choices = {0};
    struct alt_program_spec spec = alt_session_spec(t->session);
    alt_status status = collect(t, &t->arena, &choices);
    spec.choices = &choices;
    spec.crew.threads = 1; /* the others answer meanwhile */
    if (status == ALT_OK)
        status = alt_plan_create(&spec, &diag, out);
    *n_regions = choices.count;
    alt_diag_clear(&diag);
    return status;
}

static bool recall(struct alt_tuner *t, struct alt_subject *s)
{
    struct alt_record_key key;
    struct alt_record record;
    struct alt_msg_result r = {.cause = ALT_CAUSE_NONE};
    char why[256] = "";
    bool found = false;
    alt_machine_key(s->text, t->session->options.threads, &key);
    if (alt_records_find(t->records, &key, true, &record, &found, why, sizeof why) != ALT_OK || !found ||
        strlen(record.path) >= sizeof r.path)
        return false;
    r.tag = record.tag;
    r.default_us = record.default_us;
    r.candidate_us = record.candidate_us;
    r.ratio = record.ratio;
    r.ratio_low = record.ratio_low;
    r.ratio_high = record.ratio_high;
    r.noise = record.noise;
    r.pairs = record.pairs;
    r.exact = record.exact;
    memcpy(r.counter, record.counter, sizeof r.counter);
    memcpy(r.variant, record.variant, sizeof r.variant);
    memcpy(r.symbol, record.symbol, sizeof r.symbol);
    memcpy(r.path, record.path, strlen(record.path) + 1);
    alt_subject_keep(s, &r);
    struct alt_variant_result *v = alt_subject_find(s, r.tag);
    if (!v || (t->session->options.numerics == ALT_NUMERICS_EXACT && !r.exact))
        return false;
    s->candidate = r.tag;
    return true;
}

bool alt_choose_remembered(struct alt_tuner *t)
{
    bool any = false;
    for (int i = 0; t->records && i < t->n_subjects; i++)
        any |= recall(t, &t->subject[i]);
    return any;
}
