/* explore.c: see explore.h. Variants are compiled a batch at a time, best guess first, and what a batch gave is measured
 * before the next is compiled, so that the budget is spent from the top of the list. A batch that cannot be compiled is halved until
 * the variant at fault stands alone. */
#include "tuner/search/explore.h"

#include "jit/code.h"
#include "jit/gcc.h"
#include "tuner/object.h"
#include "tuner/search/compile.h"
#include "tuner/search/host.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 6, SEND_MS = 5000, PRESS_MS = 30000 };

struct survey {
    struct worker *w;
    uint32_t id;
    double end_ms; /* of the budget */
    struct alt_desc desc;
    enum alt_isa isa;
};

static bool over(const struct survey *s) { return host_now_ms() >= s->end_ms; }

static bool tell(const struct survey *s, enum alt_msg_type type, const struct alt_msg_result *r)
{
    return alt_msg_send(s->w->host, type, s->id, r, r ? sizeof *r : 0, -1, SEND_MS) == ALT_OK;
}

static bool tell_failed(const struct survey *s, const struct compile_unit *unit, enum alt_cause cause, const char *text)
{
    struct alt_msg_result r = {.cause = cause};
    if (unit) {
        r.tag = unit->tag;
        alt_variant_print(&unit->variant, r.variant, sizeof r.variant);
    }
    snprintf(r.text, sizeof r.text, "%s", text);
    return tell(s, ALT_MSG_FAILED, &r);
}

/* Checks and times function `index` of the object file. */
static bool measure(const struct survey *s, const struct compile_unit *unit, const char *path, int index)
{
    struct alt_msg_candidate c = {.tag = unit->tag};
    struct alt_msg_result r;
    snprintf(c.path, sizeof c.path, "%s", path);
    alt_object_symbol(index, c.symbol, sizeof c.symbol);
    if (alt_variant_print(&unit->variant, c.variant, sizeof c.variant) >= sizeof c.variant)
        return tell_failed(s, unit, ALT_CAUSE_SYSTEM, "the variant's text is too long");
    if (!partner_ask(&s->w->partner, ALT_MSG_CANDIDATE, &c, &r))
        return false;
    if (r.cause == ALT_CAUSE_NONE && !partner_ask(&s->w->partner, ALT_MSG_TIME, &c, &r))
        return false;
    return tell(s, r.cause == ALT_CAUSE_NONE ? ALT_MSG_VARIANT : ALT_MSG_FAILED, &r);
}

static bool try_units(const struct survey *s, const struct compile_unit *unit, int count)
{
    char name[32], path[512], text[512];
    enum alt_cause cause;
    snprintf(name, sizeof name, "kernels-%u.so", s->w->sequence++);
    scratch_file(&s->w->scratch, name, path, sizeof path);
    struct compile_batch batch = {&s->desc, s->isa, unit, count, path, host_now_ms() < s->w->press_until_ms};
    enum compile_end end = compile_batch(&batch, s->w->host, &cause, text, sizeof text);
    if (end == COMPILE_STARVED) {
        s->w->press_until_ms = host_now_ms() + PRESS_MS;
        batch.press = true;
        (void)unlink(path);
        end = compile_batch(&batch, s->w->host, &cause, text, sizeof text);
    }
    if (end == COMPILE_HOST_GONE)
        return false;
    if (end == COMPILED) {
        for (int i = 0; i < count && !over(s); i++)
            if (!measure(s, &unit[i], path, i))
                return false;
        return true;
    }
    (void)unlink(path);
    if (count == 1)
        return tell_failed(s, unit, cause, text);
    return (over(s) || try_units(s, unit, count / 2)) && (over(s) || try_units(s, unit + count / 2, count - count / 2));
}

/* The variants to try, with their tags; those that have none are told as failures. */
static bool list(const struct survey *s, struct compile_unit *unit, int *count)
{
    struct alt_variant variant[ALT_VARIANT_MOST];
    int n = alt_variant_list(&s->desc, s->isa, variant);
    *count = 0;
    for (int i = 0; i < n; i++) {
        struct compile_unit *u = &unit[*count];
        const struct alt_code_spec spec = {s->desc, variant[i], s->isa};
        u->variant = variant[i];
        u->tag = 0;
        alt_status status = alt_code_tag(&spec, &s->w->mem, &u->tag);
        if (status == ALT_OK)
            ++*count;
        else if (!tell_failed(s, u, status == ALT_E_NOMEM ? ALT_CAUSE_SYSTEM : ALT_CAUSE_COMPILE,
                              alt_status_text(status)))
            return false;
    }
    return true;
}

static bool explore(struct survey *s)
{
    struct compile_unit unit[ALT_VARIANT_MOST];
    int count;
    if (!alt_gcc_can(s->isa))
        return tell_failed(s, NULL, ALT_CAUSE_COMPILE, "no code can be made for this machine");
    if (!list(s, unit, &count))
        return false;
    for (int at = 0; at < count && !over(s); at += BATCH)
        if (!try_units(s, &unit[at], count - at < BATCH ? count - at : BATCH))
            return false;
    return true;
}

bool explore_region(struct worker *w, uint32_t id, const struct alt_msg_region *region)
{
    struct survey s = {.w = w, .id = id, .end_ms = host_now_ms() + region->budget_ms, .isa = alt_cpu_isa()};
    partner_region(&w->partner, id, region);
    alt_status status = alt_desc_parse(region->text, &s.desc);
    bool alive = status == ALT_OK ? explore(&s) : tell_failed(&s, NULL, ALT_CAUSE_COMPILE, alt_status_text(status));
    return alive && tell(&s, ALT_MSG_EXPLORED, NULL);
}
