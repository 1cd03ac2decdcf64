/* session_output.c: values that a session hands out and takes back. A released answer waits for the next run that needs
 * one of its size, so that a server in steady state allocates nothing. */
#include "runtime/session.h"

#include "runtime/error.h"
#include "runtime/value.h"

#include <string.h>

void alt_session_unref(alt_session *session)
{
    /* acq_rel: the last one sees the session as the others left it. */
    if (atomic_fetch_sub_explicit(&session->refs, 1, memory_order_acq_rel) > 1)
        return;
    alt_allocator hooks = session->mem.hooks;
    pthread_mutex_destroy(&session->open.mutex);
    pthread_mutex_destroy(&session->mutex);
    pthread_cond_destroy(&session->returned);
    hooks.free(hooks.context, session, sizeof *session);
}

static void take_back(struct alt_value *value, void *context)
{
    alt_session *s = context;
    pthread_mutex_lock(&s->mutex);
    bool keep = !s->closed && s->n_pooled < ALT_POOLED_VALUES;
    if (keep)
        s->pooled[s->n_pooled++] = value;
    pthread_mutex_unlock(&s->mutex);
    if (!keep)
        alt_value_destroy(value);
    alt_session_unref(s);
}

/* The smallest value that has room and does not waste more than it needs. */
static alt_value *find_pooled(alt_session *s, size_t bytes)
{
    int best = -1;
    for (int i = 0; i < s->n_pooled; i++) {
        size_t capacity = s->pooled[i]->capacity;
        if (capacity >= bytes && capacity <= bytes * 2 + 4096 && (best < 0 || capacity < s->pooled[best]->capacity))
            best = i;
    }
    if (best < 0)
        return NULL;
    alt_value *v = s->pooled[best];
    s->pooled[best] = s->pooled[--s->n_pooled];
    return v;
}

alt_status alt_session_value(alt_session *session, alt_dtype dtype, int rank, const int64_t *dims, alt_value **out,
                             bool *made)
{
    size_t bytes = alt_dtype_bytes(dtype, alt_dims_count(rank, dims));
    if (bytes == SIZE_MAX)
        return ALT_E_SHAPE;
    pthread_mutex_lock(&session->mutex);
    alt_value *v = find_pooled(session, bytes);
    pthread_mutex_unlock(&session->mutex);
    *made = !v;
    if (v && !alt_value_reset(v, dtype, rank, dims)) {
        alt_value_destroy(v);
        return ALT_E_INTERNAL;
    }
    if (!v)
        ALT_CHECK(alt_value_tensor_in(&session->mem, dtype, rank, dims, bytes, &v));
    v->recycle = take_back;
    v->recycle_context = session;
    atomic_fetch_add_explicit(&session->refs, 1, memory_order_relaxed);
    *out = v;
    return ALT_OK;
}

static alt_status copy_tensor(alt_session *s, const alt_value *value, alt_value **out, uint64_t *made)
{
    bool fresh = true;
    alt_value *v = NULL;
    if (value->dtype == ALT_STRING) {
        ++*made;
        return alt_value_strings(&s->mem.hooks, (size_t)value->rank, value->dims, value->data, out);
    }
    ALT_CHECK(alt_session_value(s, value->dtype, value->rank, value->dims, &v, &fresh));
    if (value->bytes)
        memcpy(v->data, value->data, value->bytes);
    *made += fresh;
    *out = v;
    return ALT_OK;
}

static alt_status copy_group(alt_session *s, const alt_value *value, alt_value **out, uint64_t *made)
{
    const size_t room = (value->count + 1) * sizeof(alt_value *);
    alt_value **element = alt_mem_zalloc(&s->mem, room);
    alt_status status = element ? ALT_OK : ALT_E_NOMEM;
    for (size_t i = 0; i < value->count && status == ALT_OK; i++)
        status = alt_session_answer(s, value->element[i], &element[i], made);
    *made += 2;
    if (status == ALT_OK)
        status = value->kind == ALT_SEQUENCE ? alt_value_sequence(&s->mem.hooks, value->count, element, out)
                                             : alt_value_optional(&s->mem.hooks, element[0], out);
    if (status == ALT_OK) {
        (*out)->element_kind = value->element_kind;
        (*out)->dtype = value->dtype;
    }
    for (size_t i = 0; element && i < value->count; i++)
        alt_value_release(element[i]);
    alt_mem_free(&s->mem, element, room);
    return status;
}

/* Recursion: an optional of a sequence of tensors is as deep as values go. */
alt_status alt_session_answer(alt_session *session, const alt_value *value, alt_value **out, uint64_t *made)
{
    return value->kind == ALT_TENSOR ? copy_tensor(session, value, out, made) : copy_group(session, value, out, made);
}

void alt_session_close_values(alt_session *session)
{
    pthread_mutex_lock(&session->mutex);
    session->closed = true;
    pthread_mutex_unlock(&session->mutex);
    while (session->n_pooled)
        alt_value_destroy(session->pooled[--session->n_pooled]);
}
