/* text.c: see text.h. */
#include "jit/text.h"

#include <string.h>

struct alt_text alt_text_begin(char *out, size_t size)
{
    if (size > 0)
        out[0] = '\0';
    return (struct alt_text){out, size, 0};
}

void alt_text_put(struct alt_text *t, const char *piece)
{
    const size_t n = strlen(piece);

    if (t->length + 1 < t->size) {
        const size_t room = t->size - t->length - 1, take = n < room ? n : room;
        memcpy(t->out + t->length, piece, take);
        t->out[t->length + take] = '\0';
    }
    t->length += n;
}

void alt_text_number(struct alt_text *t, int64_t number)
{
    char digits[24];
    char *p = digits + sizeof digits;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    *--p = '\0';
    do
        *--p = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        *--p = '-';
    alt_text_put(t, p);
}

void alt_text_float(struct alt_text *t, float value)
{
    char digits[11] = "0x";
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 8; i++)
        digits[2 + i] = "0123456789abcdef"[bits >> (28 - 4 * i) & 15];
    alt_text_put(t, digits);
}

void alt_text_field(struct alt_text *t, const char *piece, int64_t number)
{
    alt_text_put(t, piece);
    alt_text_number(t, number);
}

static const char *after_blanks(const char *at)
{
    while (*at == ' ' || *at == '\n' || *at == '\t')
        at++;
    return at;
}

bool alt_scan_word(const char **at, const char *word)
{
    const char *p = after_blanks(*at);
    const size_t n = strlen(word);

    if (strncmp(p, word, n) != 0)
        return false;
    *at = p + n;
    return true;
}

static bool digit(char c) { return c >= '0' && c <= '9'; }
static bool letter(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }

bool alt_scan_name(const char **at, char *out, size_t size)
{
    const char *p = after_blanks(*at);
    size_t n = 0;

    while (letter(p[n]) || (n > 0 && digit(p[n])))
        n++;
    if (n == 0 || n >= size)
        return false;
    memcpy(out, p, n);
    out[n] = '\0';
    *at = p + n;
    return true;
}

bool alt_scan_number(const char **at, int64_t *number)
{
    const char *p = after_blanks(*at);
    const bool negative = *p == '-';
    int64_t value = 0;

    p += negative;
    if (!digit(*p))
        return false;
    for (; digit(*p); p++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *p - '0', &value))
            return false;
    *number = negative ? -value : value;
    *at = p;
    return true;
}

bool alt_scan_float(const char **at, float *value)
{
    const char *p = *at;
    uint32_t bits = 0;

    if (!alt_scan_word(&p, "0x"))
        return false;
    for (int i = 0; i < 8; i++, p++) {
        if (!digit(*p) && !(*p >= 'a' && *p <= 'f'))
            return false;
        bits = bits << 4 | (uint32_t)(digit(*p) ? *p - '0' : *p - 'a' + 10);
    }
    memcpy(value, &bits, sizeof bits);
    *at = p;
    return true;
}

bool alt_scan_field(const char **at, const char *word, int64_t *number)
{
    const char *p = *at;

    if (!alt_scan_word(&p, word) || !alt_scan_number(&p, number))
        return false;
    *at = p;
    return true;
}

bool alt_scan_end(const char **at)
{
    *at = after_blanks(*at);
    return **at == '\0';
}

uint64_t alt_text_hash(uint64_t seed, const void *data, size_t bytes)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < bytes; i++)
        seed = (seed ^ p[i]) * UINT64_C(0x100000001b3);
    return seed;
}
