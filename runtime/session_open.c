/* session_open.c: runs that replace default values.
 *
 * ONNX lets a caller give a value for an initializer that is listed among the inputs. Many exporters list every weight there,
 * and nobody ever replaces one, so the session's plans take the defaults for constants: folded, packed, tuned. The rare run
 * that does replace one takes a plan of its own, over a graph in which every input is read.
 */
#include "runtime/error.h"
#include "runtime/layout.h"
#include "runtime/model.h"
#include "runtime/program.h"
#include "runtime/session.h"

#include <string.h>

static bool replaces_default(const struct alt_graph *g, const alt_value *const *inputs, size_t n_inputs)
{
    for (size_t i = 0; i < n_inputs; i++)
        if (inputs[i] && g->inputs[i]->initial)
            return true;
    return false;
}

/* Default values where a kernel can read them. */
static alt_status place_initials(struct alt_open *open, const struct alt_graph *g)
{
    open->initial = alt_arena_array(&open->arena, (size_t)g->n_inputs, sizeof *open->initial);
    if (!open->initial)
        return ALT_E_NOMEM;
    for (int i = 0; i < g->n_inputs; i++) {
        if (!g->inputs[i]->initial)
            continue;
        open->initial[i] = *g->inputs[i]->initial;
        open->initial[i].data = alt_tensor_aligned(g->inputs[i]->initial, &open->arena);
        if (!open->initial[i].data)
            return ALT_E_NOMEM;
    }
    return ALT_OK;
}

/* With open->mutex held. */
static alt_status make_open(alt_session *s, struct alt_diag *diag)
{
    struct alt_open *open = &s->open;
    struct alt_graph *g = NULL;
    struct alt_plan *plan = NULL;
    struct alt_program_spec spec = alt_session_spec(s);
    alt_status status;
    alt_arena_init(&open->arena, &s->mem);
    alt_dimtab_init(&open->dims, &open->arena);
    ALT_TRY(alt_model_open_graph(s->model, &open->arena, &open->dims, diag, &g));
    ALT_TRY(place_initials(open, g));
    spec.graph = g;
    ALT_TRY(alt_plan_create(&spec, diag, &plan));
    pthread_mutex_lock(&s->mutex);
    open->plan = plan;
    pthread_mutex_unlock(&s->mutex);
done:
    if (status != ALT_OK)
        alt_arena_free(&open->arena);
    return status;
}

alt_status alt_session_open(alt_session *session, const alt_value *const *inputs, size_t n_inputs, struct alt_diag *diag,
                            struct alt_plan **out)
{
    alt_status status = ALT_OK;
    *out = NULL;
    if (!replaces_default(session->model->graph, inputs, n_inputs))
        return ALT_OK;
    pthread_mutex_lock(&session->open.mutex);
    if (!session->open.plan)
        status = make_open(session, diag);
    *out = session->open.plan;
    pthread_mutex_unlock(&session->open.mutex);
    return status;
}
