/* npy.c: NumPy's .npy files. The header is a Python dictionary; numpy writes it in one form, so its three keys are looked
 * for rather than Python parsed. Everything in a file is checked: it is input. */
#include "tools/npy.h"

#include "tools/element.h"
#include "tools/file.h"
#include "tools/npy_string.h"
#include "tools/say.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Type codes of NumPy without the byte order. Several codes may be read for one type; the first is written. */
static const struct {
    const char *code;
    alt_dtype dtype;
} codes[] = {
    {"f4", ALT_FLOAT32},    {"f8", ALT_FLOAT64},        {"f2", ALT_FLOAT16},        {"i1", ALT_INT8},
    {"i2", ALT_INT16},      {"i4", ALT_INT32},          {"i8", ALT_INT64},          {"u1", ALT_UINT8},
    {"u2", ALT_UINT16},     {"u4", ALT_UINT32},         {"u8", ALT_UINT64},         {"b1", ALT_BOOL},
    {"c8", ALT_COMPLEX64},  {"c16", ALT_COMPLEX128},    {"V2", ALT_BFLOAT16},       {"V1", ALT_FLOAT8E4M3FN},
    {"V1", ALT_FLOAT8E5M2}, {"V1", ALT_FLOAT8E4M3FNUZ}, {"V1", ALT_FLOAT8E5M2FNUZ}, {"V1", ALT_FLOAT8E8M0},
    {"V1", ALT_FLOAT4E2M1}, {"i1", ALT_INT4},           {"i1", ALT_INT2},           {"u1", ALT_UINT4},
    {"u1", ALT_UINT2},
};

static const char *code_of(alt_dtype dtype)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].dtype == dtype)
            return codes[i].code;
    return NULL;
}

struct header {
    char code[16]; /* byte order and type, as in '<f4' */
    bool fortran;
    int rank;
    int64_t dim[ALT_MAX_RANK];
    size_t data_at; /* where the elements begin */
};

/* What follows "'key':" in the dictionary; NULL when it is not there. */
static const char *find_key(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    at = at ? strchr(at, ':') : NULL;
    return at ? at + 1 + strspn(at + 1, " ") : NULL;
}

static bool parse_shape(const char *text, struct header *h)
{
    if (!text || *text++ != '(')
        return false;
    for (h->rank = 0;; h->rank++) {
        text += strspn(text, " ,");
        if (*text == ')')
            return true;
        char *end = NULL;
        errno = 0;
        long long extent = strtoll(text, &end, 10);
        if (h->rank == ALT_MAX_RANK || end == text || errno || extent < 0)
            return false;
        h->dim[h->rank] = extent;
        text = end + (*end == 'L');
    }
}

static bool parse_dictionary(const char *text, struct header *h)
{
    const char *descr = find_key(text, "'descr'"), *order = find_key(text, "'fortran_order'");
    if (!descr || *descr++ != '\'' || !order)
        return false;
    size_t length = strcspn(descr, "'");
    if (length < 2 || length >= sizeof h->code)
        return false;
    memcpy(h->code, descr, length);
    h->code[length] = '\0';
    h->fortran = strncmp(order, "True", 4) == 0;
    return parse_shape(find_key(text, "'shape'"), h);
}

static bool parse_header(const struct bytes *file, struct header *h)
{
    const uint8_t *b = file->data;
    if (file->size < 12 || memcmp(b, "\x93NUMPY", 6) != 0 || b[6] < 1 || b[6] > 3)
        return false;
    size_t start = b[6] == 1 ? 10 : 12, length = b[8] | (size_t)b[9] << 8;
    if (b[6] > 1)
        length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (length > file->size - start)
        return false;
    char *text = strndup((const char *)b + start, length);
    h->data_at = start + length;
    bool good = text && parse_dictionary(text, h);
    free(text);
    return good;
}

/* Copies `count` elements from column-major to row-major order. */
static void from_fortran(const struct header *h, size_t width, const uint8_t *from, uint8_t *to)
{
    int64_t at[ALT_MAX_RANK] = {0}, stride[ALT_MAX_RANK] = {0}, count = 1;
    for (int i = 0; i < h->rank; i++) {
        stride[i] = count;
        count *= h->dim[i];
    }
    for (int64_t k = 0, offset = 0; k < count; k++) {
        memcpy(to + (size_t)k * width, from + (size_t)offset * width, width);
        for (int i = h->rank - 1; i >= 0; i--) {
            offset += stride[i];
            if (++at[i] < h->dim[i])
                break;
            offset -= at[i] * stride[i];
            at[i] = 0;
        }
    }
}

/* Fills `value` from `count` elements of `width` bytes in row-major order; sub-byte types are packed. */
static void fill(alt_value *value, const uint8_t *from, size_t count, size_t width)
{
    alt_dtype dtype = alt_value_dtype(value);
    unsigned bits = alt_dtype_bits(dtype);
    uint8_t *to = alt_value_data(value);
    if (bits >= 8) {
        if (count)
            memcpy(to, from, count * width);
        return;
    }
    for (size_t i = 0; i < count; i++)
        to[i * bits / 8] |= (uint8_t)((from[i] & ((1u << bits) - 1u)) << (i * bits % 8));
}

/* The elements, dense, in row-major order: in the file itself or in *copy (to be freed). */
static const uint8_t *row_major(const struct bytes *file, const struct header *h, size_t width, size_t count,
                                uint8_t **copy)
{
    const uint8_t *data = file->data + h->data_at;
    if (!h->fortran || h->rank < 2 || count == 0)
        return data;
    *copy = malloc(count * width);
    if (*copy)
        from_fortran(h, width, data, *copy);
    return *copy;
}

/* Bytes of one element of the file when it can be an input of type `wanted`; 0, after a message, when it cannot. */
static size_t element_width(const char *path, const struct header *h, alt_dtype wanted)
{
    const char *code = h->code + 1, *expected = code_of(wanted);
    size_t width = strtoul(code + 1, NULL, 10);
    if (wanted == ALT_STRING && (*code == 'S' || *code == 'U') && width > 0 && width < SIZE_MAX / 4)
        return *code == 'U' ? width * 4 : width;
    if (h->code[0] == '>' && width > 1)
        complain("%s is big-endian ('%s'): save it as '<%s'", path, h->code, code);
    else if (!expected)
        complain("%s holds '%s', but strings are wanted: save it as an array of 'S' or 'U'", path, h->code);
    else if (strcmp(code, expected) != 0 && !(alt_dtype_bits(wanted) == 16 && strcmp(code, "u2") == 0))
        complain("%s holds '%s', but %s ('%s') is wanted: convert it with astype", path, h->code,
                 alt_dtype_name(wanted), expected);
    else
        return width;
    return 0;
}

static bool read_value(const char *path, const struct bytes *file, alt_dtype wanted, alt_value **out)
{
    struct header h;
    if (!parse_header(file, &h)) {
        complain("%s is not a .npy file of at most %d dimensions", path, ALT_MAX_RANK);
        return false;
    }
    size_t width = element_width(path, &h, wanted);
    int64_t count = alt_dims_count(h.rank, h.dim);
    if (width == 0)
        return false;
    if (count < 0 || (uint64_t)count > (file->size - h.data_at) / width) {
        complain("%s is cut short: its header promises more elements than follow", path);
        return false;
    }
    uint8_t *copy = NULL;
    const uint8_t *data = row_major(file, &h, width, (size_t)count, &copy);
    alt_status status = ALT_E_NOMEM;
    if (data && wanted == ALT_STRING)
        status = npy_strings(h.code[1] == 'U', data, (size_t)count, width, (size_t)h.rank, h.dim, out);
    else if (data)
        status = alt_value_tensor(NULL, wanted, (size_t)h.rank, h.dim, out);
    if (status == ALT_OK && wanted != ALT_STRING)
        fill(*out, data, (size_t)count, width);
    free(copy);
    if (status != ALT_OK)
        complain("%s: %s", path, alt_status_text(status));
    return status == ALT_OK;
}

bool npy_read(const char *path, alt_dtype wanted, alt_value **out)
{
    struct bytes file;
    if (!file_read(path, &file))
        return false;
    bool good = read_value(path, &file, wanted, out);
    free(file.data);
    return good;
}

/* The header, padded as the format asks: its whole length is a multiple of 64. */
static bool write_header(FILE *file, const char *code, const alt_value *value)
{
    char text[64 + 24 * ALT_MAX_RANK], padded[64 + sizeof text];
    int at = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (", code);
    for (size_t i = 0; i < alt_value_rank(value); i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "%" PRId64 ",", alt_value_dims(value)[i]);
    at += snprintf(text + at, sizeof text - (size_t)at, "), }");
    size_t length = ((size_t)at + 1 + 10 + 63) / 64 * 64 - 10;
    memset(padded, ' ', length);
    memcpy(padded, text, (size_t)at);
    padded[length - 1] = '\n';
    const uint8_t start[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)length, (uint8_t)(length >> 8)};
    return fwrite(start, 1, sizeof start, file) == sizeof start && fwrite(padded, 1, length, file) == length;
}

static bool write_elements(FILE *file, const alt_value *value)
{
    const uint8_t *data = alt_value_data_const(value);
    alt_dtype dtype = alt_value_dtype(value);
    size_t count = alt_value_count(value), bytes = alt_value_bytes(value);
    unsigned bits = alt_dtype_bits(dtype);
    if (bits >= 8)
        return bytes == 0 || fwrite(data, 1, bytes, file) == bytes;
    bool is_signed = dtype == ALT_INT4 || dtype == ALT_INT2;
    for (size_t i = 0; i < count; i++) {
        unsigned code = data[i * bits / 8] >> (i * bits % 8) & ((1u << bits) - 1u);
        if (is_signed && code >> (bits - 1))
            code |= 0xffu << bits;
        if (putc((int)(code & 0xffu), file) == EOF)
            return false;
    }
    return true;
}

/* The type code of `value` with its byte order; false when NumPy has none. */
static bool file_code(const alt_value *value, char *out, size_t size)
{
    if (alt_value_dtype(value) == ALT_STRING) {
        snprintf(out, size, "|S%zu", npy_string_width(value));
        return true;
    }
    const char *type = code_of(alt_value_dtype(value));
    if (!type)
        return false;
    snprintf(out, size, "%c%s", type[0] == 'V' || strcmp(type + 1, "1") == 0 ? '|' : '<', type);
    return true;
}

bool npy_write(const char *path, const alt_value *value)
{
    char code[32];
    if (!file_code(value, code, sizeof code)) {
        complain("%s: a %s cannot be written as .npy", path, alt_dtype_name(alt_value_dtype(value)));
        return false;
    }
    FILE *file = fopen(path, "wb");
    bool good = file && write_header(file, code, value);
    if (good && alt_value_dtype(value) == ALT_STRING)
        good = npy_write_strings(file, value, npy_string_width(value));
    else if (good)
        good = write_elements(file, value);
    if (file)
        good = fclose(file) == 0 && good;
    if (!good)
        complain("cannot write %s: %s", path, strerror(errno));
    return good;
}
