/* npy_string.c: string elements of .npy files. */
#include "tools/npy_string.h"

#include <stdlib.h>
#include <string.h>

/* UTF-8 of one code point (RFC 3629); returns its bytes. What is no code point becomes U+FFFD. */
static size_t put_utf8(uint32_t c, char *out)
{
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        c = 0xfffd;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    out[0] = (char)((0xff00u >> (more + 1) & 0xff) | c >> 6 * more);
    for (size_t i = 1; i <= more; i++)
        out[i] = (char)(0x80 | (c >> 6 * (more - i) & 0x3f));
    return more + 1;
}

/* The element without its padding, as UTF-8 in `out` (room for `width` bytes in both cases). */
static alt_string decode(bool utf32, const uint8_t *data, size_t width, char *out)
{
    size_t length = 0;
    if (!utf32) {
        length = width;
        while (length > 0 && data[length - 1] == 0)
            length--;
        memcpy(out, data, length);
        return (alt_string){out, length};
    }
    size_t points = width / 4;
    while (points > 0 && !(data[4 * points - 4] | data[4 * points - 3] | data[4 * points - 2] | data[4 * points - 1]))
        points--;
    for (size_t i = 0; i < points; i++) {
        const uint8_t *p = data + 4 * i;
        length += put_utf8(p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24, out + length);
    }
    return (alt_string){out, length};
}

alt_status npy_strings(bool utf32, const uint8_t *data, size_t count, size_t width, size_t rank, const int64_t *dims,
                       alt_value **out)
{
    alt_string *strings = calloc(count + 1, sizeof *strings);
    char *text = malloc(count * width + 1); /* count * width are bytes of a file, so this cannot overflow */
    alt_status status = ALT_E_NOMEM;
    if (strings && text) {
        for (size_t i = 0; i < count; i++)
            strings[i] = decode(utf32, data + i * width, width, text + i * width);
        status = alt_value_strings(NULL, rank, dims, strings, out);
    }
    free(strings);
    free(text);
    return status;
}

size_t npy_string_width(const alt_value *value)
{
    const alt_string *s = alt_value_data_const(value);
    size_t width = 1;
    for (size_t i = 0; i < alt_value_count(value); i++)
        width = s[i].length > width ? s[i].length : width;
    return width;
}

bool npy_write_strings(FILE *file, const alt_value *value, size_t width)
{
    const alt_string *s = alt_value_data_const(value);
    for (size_t i = 0; i < alt_value_count(value); i++) {
        if (s[i].length && fwrite(s[i].data, 1, s[i].length, file) != s[i].length)
            return false;
        for (size_t k = s[i].length; k < width; k++)
            if (putc(0, file) == EOF)
                return false;
    }
    return true;
}
