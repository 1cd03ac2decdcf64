/* value.c: tensors, sequences and optionals as callers hold them.
 *
 * A value carries the memory it came from: counted memory of a session, or an alt_mem of its own over the caller's
 * allocator, so that one pair of functions allocates and frees everywhere. Each string of a string tensor is an
 * allocation of its own, which makes replacing one cheap and safe; empty strings point to a constant.
 */
#include "runtime/value.h"

#include "runtime/error.h"

#include <string.h>

static const char empty_text[1] = "";

/* A value without content; `mem` NULL: over `allocator`. */
static alt_value *create(struct alt_mem *mem, const alt_allocator *allocator, alt_kind kind)
{
    struct alt_mem own;
    alt_mem_init(&own, allocator, 0);
    alt_value *value = alt_mem_alloc(mem ? mem : &own, sizeof *value, 16);
    if (!value)
        return NULL;
    memset(value, 0, sizeof *value);
    atomic_init(&value->refs, 1);
    alt_mem_init(&value->own, &own.hooks, 0);
    value->mem = mem ? mem : &value->own;
    value->kind = kind;
    return value;
}

/* Bytes and elements of a tensor; false when dtype, rank or extents are not acceptable. */
static bool measure(alt_dtype dtype, size_t rank, const int64_t *dims, size_t *bytes, size_t *count)
{
    if (alt_dtype_bits(dtype) == 0 || rank > ALT_MAX_RANK || (rank > 0 && !dims))
        return false;
    int64_t elements = alt_dims_count((int)rank, dims);
    if (elements < 0)
        return false;
    *count = (size_t)elements;
    *bytes = alt_dtype_bytes(dtype, elements);
    return *bytes <= PTRDIFF_MAX;
}

static void set_type(alt_value *value, alt_dtype dtype, size_t rank, const int64_t *dims)
{
    value->dtype = dtype;
    value->rank = (int)rank;
    if (rank > 0)
        memcpy(value->dims, dims, rank * sizeof *dims);
}

static alt_status make_tensor(alt_value *value, alt_dtype dtype, size_t rank, const int64_t *dims, size_t capacity)
{
    if (!measure(dtype, rank, dims, &value->bytes, &value->count))
        return ALT_E_ARGUMENT;
    set_type(value, dtype, rank, dims);
    size_t room = value->bytes > capacity ? value->bytes : capacity;
    if (room == 0)
        room = 1; /* an empty tensor has a data pointer too */
    value->data = alt_mem_alloc(value->mem, room, ALT_ALIGN);
    if (!value->data)
        return ALT_E_NOMEM;
    value->capacity = room;
    if (dtype == ALT_STRING)
        for (size_t i = 0; i < value->count; i++)
            ((alt_string *)value->data)[i] = (alt_string){empty_text, 0};
    return ALT_OK;
}

static alt_status new_tensor(struct alt_mem *mem, const alt_allocator *allocator, alt_dtype dtype, size_t rank,
                             const int64_t *dims, size_t capacity, alt_value **out)
{
    alt_value *value = create(mem, allocator, ALT_TENSOR);
    if (!value)
        return ALT_E_NOMEM;
    alt_status status = make_tensor(value, dtype, rank, dims, capacity);
    if (status != ALT_OK)
        alt_value_destroy(value);
    else
        *out = value;
    return status;
}

alt_status alt_value_tensor_in(struct alt_mem *mem, alt_dtype dtype, int rank, const int64_t *dims, size_t capacity,
                               alt_value **out)
{
    if (rank < 0)
        return ALT_E_ARGUMENT;
    return new_tensor(mem, NULL, dtype, (size_t)rank, dims, capacity, out);
}

alt_status alt_value_tensor(const alt_allocator *allocator, alt_dtype dtype, size_t rank, const int64_t *dims,
                            alt_value **out)
{
    if (!out)
        return ALT_E_ARGUMENT;
    alt_value *value = NULL;
    alt_status status = new_tensor(NULL, allocator, dtype, rank, dims, 0, &value);
    if (status != ALT_OK)
        return status;
    if (dtype != ALT_STRING)
        memset(value->data, 0, value->bytes);
    *out = value;
    return ALT_OK;
}

/* What `data` of a dtype must be aligned to: its element, a complex number's part. */
static size_t element_align(alt_dtype dtype)
{
    size_t size = alt_dtype_size(dtype);
    if (dtype == ALT_COMPLEX64 || dtype == ALT_COMPLEX128)
        size /= 2;
    return size ? size : 1;
}

alt_status alt_value_wrap(alt_dtype dtype, size_t rank, const int64_t *dims, void *data, size_t bytes, alt_value **out)
{
    size_t need, count;
    if (!out || dtype == ALT_STRING || !measure(dtype, rank, dims, &need, &count) || need != bytes)
        return ALT_E_ARGUMENT;
    if ((bytes > 0 && !data) || (uintptr_t)data % element_align(dtype) != 0)
        return ALT_E_ARGUMENT;
    alt_value *value = create(NULL, NULL, ALT_TENSOR);
    if (!value)
        return ALT_E_NOMEM;
    set_type(value, dtype, rank, dims);
    value->count = count;
    value->bytes = bytes;
    value->data = data;
    *out = value;
    return ALT_OK;
}

alt_status alt_value_strings(const alt_allocator *allocator, size_t rank, const int64_t *dims,
                             const alt_string *strings, alt_value **out)
{
    if (!out)
        return ALT_E_ARGUMENT;
    alt_value *value = NULL;
    alt_status status = new_tensor(NULL, allocator, ALT_STRING, rank, dims, 0, &value);
    if (status == ALT_OK && value->count > 0 && !strings)
        status = ALT_E_ARGUMENT;
    for (size_t i = 0; status == ALT_OK && i < value->count; i++)
        status = alt_value_set_string(value, i, strings[i]);
    if (status != ALT_OK)
        alt_value_destroy(value);
    else
        *out = value;
    return status;
}

alt_status alt_value_set_string(alt_value *value, size_t index, alt_string string)
{
    if (!value || value->kind != ALT_TENSOR || value->dtype != ALT_STRING || index >= value->count)
        return ALT_E_ARGUMENT;
    if (string.length > 0 && !string.data)
        return ALT_E_ARGUMENT;
    alt_string *place = (alt_string *)value->data + index;
    alt_string copy = {empty_text, 0};
    if (string.length > 0) {
        char *text = alt_mem_alloc(value->mem, string.length, 1);
        if (!text)
            return ALT_E_NOMEM;
        memcpy(text, string.data, string.length);
        copy = (alt_string){text, string.length};
    }
    if (place->length > 0)
        alt_mem_free(value->mem, (char *)place->data, place->length);
    *place = copy;
    return ALT_OK;
}

/* Kind and innermost type of what a value is made of agree. */
static bool same_type(const alt_value *a, const alt_value *b)
{
    return a->kind == b->kind && a->element_kind == b->element_kind && a->dtype == b->dtype;
}

static alt_status make_container(struct alt_mem *mem, const alt_allocator *allocator, alt_kind kind, size_t count,
                                 alt_value *const *elements, alt_value **out)
{
    alt_value *value = create(mem, allocator, kind);
    if (!value)
        return ALT_E_NOMEM;
    if (count > 0) {
        value->element = alt_mem_zalloc(value->mem, count * sizeof *elements);
        if (!value->element) {
            alt_value_destroy(value);
            return ALT_E_NOMEM;
        }
        value->element_kind = elements[0]->kind;
        value->dtype = elements[0]->dtype;
    }
    for (size_t i = 0; i < count; i++)
        value->element[i] = alt_value_retain(elements[i]);
    value->count = count;
    *out = value;
    return ALT_OK;
}

alt_status alt_value_sequence(const alt_allocator *allocator, size_t count, alt_value *const *elements, alt_value **out)
{
    if (!out || (count > 0 && !elements) || count > PTRDIFF_MAX / sizeof *elements)
        return ALT_E_ARGUMENT;
    for (size_t i = 0; i < count; i++)
        if (!elements[i] || !same_type(elements[i], elements[0]))
            return ALT_E_ARGUMENT;
    return make_container(NULL, allocator, ALT_SEQUENCE, count, elements, out);
}

alt_status alt_value_optional(const alt_allocator *allocator, alt_value *element, alt_value **out)
{
    if (!out)
        return ALT_E_ARGUMENT;
    return make_container(NULL, allocator, ALT_OPTIONAL, element ? 1 : 0, &element, out);
}

alt_status alt_value_group_in(struct alt_mem *mem, const struct alt_type *type, size_t count, alt_value *const *elements,
                              alt_value **out)
{
    ALT_CHECK(make_container(mem, NULL, type->kind, count, elements, out));
    (*out)->element_kind = type->element_kind;
    (*out)->dtype = type->dtype;
    return ALT_OK;
}

alt_status alt_value_copy_in(struct alt_mem *mem, const struct alt_tensor *t, alt_value **out)
{
    alt_value *value = NULL;
    alt_status status;
    ALT_TRY(alt_value_tensor_in(mem, t->dtype, t->rank, t->dim, 0, &value));
    if (t->dtype != ALT_STRING && t->bytes)
        memcpy(value->data, t->data, t->bytes);
    for (size_t i = 0; t->dtype == ALT_STRING && i < value->count; i++)
        ALT_TRY(alt_value_set_string(value, i, ((const alt_string *)t->data)[i]));
    *out = value;
    value = NULL;
done:
    alt_value_release(value);
    return status;
}

struct alt_tensor alt_value_view(const alt_value *value)
{
    static const _Alignas(ALT_ALIGN) char nothing[ALT_ALIGN];
    if (value->kind != ALT_TENSOR)
        return (struct alt_tensor){.dtype = ALT_NONE, .data = value};
    struct alt_tensor t = {.dtype = value->dtype, .rank = value->rank, .bytes = value->bytes,
                           .data = value->bytes ? value->data : nothing};
    memcpy(t.dim, value->dims, sizeof t.dim);
    return t;
}

bool alt_value_reset(alt_value *value, alt_dtype dtype, int rank, const int64_t *dims)
{
    size_t bytes, count;
    if (value->kind != ALT_TENSOR || value->dtype == ALT_STRING || dtype == ALT_STRING || rank < 0)
        return false;
    if (!measure(dtype, (size_t)rank, dims, &bytes, &count) || bytes > value->capacity)
        return false;
    set_type(value, dtype, (size_t)rank, dims);
    value->bytes = bytes;
    value->count = count;
    atomic_store_explicit(&value->refs, 1, memory_order_relaxed);
    return true;
}

static void free_strings(alt_value *value)
{
    alt_string *string = value->data;
    for (size_t i = 0; string && i < value->count; i++)
        if (string[i].length > 0)
            alt_mem_free(value->mem, (char *)string[i].data, string[i].length);
}

void alt_value_destroy(alt_value *value)
{
    if (!value)
        return;
    if (value->kind == ALT_TENSOR && value->dtype == ALT_STRING)
        free_strings(value);
    if (value->capacity > 0)
        alt_mem_free(value->mem, value->data, value->capacity);
    if (value->element) {
        for (size_t i = 0; i < value->count; i++)
            alt_value_release(value->element[i]);
        alt_mem_free(value->mem, value->element, value->count * sizeof *value->element);
    }
    /* The memory may lie inside the value itself. */
    if (value->mem != &value->own) {
        alt_mem_free(value->mem, value, sizeof *value);
    } else {
        alt_allocator hooks = value->own.hooks;
        hooks.free(hooks.context, value, sizeof *value);
    }
}

alt_value *alt_value_retain(alt_value *value)
{
    if (value)
        atomic_fetch_add_explicit(&value->refs, 1, memory_order_relaxed);
    return value;
}

void alt_value_release(alt_value *value)
{
    if (!value || atomic_fetch_sub_explicit(&value->refs, 1, memory_order_acq_rel) > 1)
        return;
    if (value->recycle)
        value->recycle(value, value->recycle_context);
    else
        alt_value_destroy(value);
}

alt_kind alt_value_kind(const alt_value *value) { return value->kind; }

alt_dtype alt_value_dtype(const alt_value *value)
{
    return value->kind == ALT_TENSOR || value->element_kind == ALT_TENSOR ? value->dtype : ALT_NONE;
}

size_t alt_value_rank(const alt_value *value) { return (size_t)value->rank; }

const int64_t *alt_value_dims(const alt_value *value) { return value->dims; }

size_t alt_value_count(const alt_value *value) { return value->count; }

size_t alt_value_bytes(const alt_value *value) { return value->bytes; }

void *alt_value_data(alt_value *value) { return value->data; }

const void *alt_value_data_const(const alt_value *value) { return value->data; }

alt_value *alt_value_element(const alt_value *value, size_t index)
{
    return value->element && index < value->count ? value->element[index] : NULL;
}
