/* regex.c: from a pattern to a tree, from that to a program of a nondeterministic automaton, all of whose states are walked at
 * once (Thompson, "Regular expression search algorithm", 1968). See regex.h for what is supported. */
#include "runtime/ops/regex.h"

#include <string.h>

enum { MOST_PATTERN = 4000, MOST_OPS = 20000, MOST_REPEATS = 1000, MOST_DEPTH = 100 };
enum flag { FOLD = 1, LINES = 2, DOT_ALL = 4, UNGREEDY = 8 };
enum code { SET, SPLIT, JUMP, ASSERT, ACCEPT };
enum place { TEXT_BEGIN, TEXT_END, LINE_BEGIN, LINE_END, WORD, NO_WORD };

struct range {
    uint32_t first, last;
    struct range *next;
};

struct set {
    struct range *range;
    bool negated, fold;
};

struct alt_regex_op {
    enum code code;
    int x, y; /* SPLIT: both ways; JUMP: x; ASSERT: x, enum place */
    const struct set *set;
};

enum kind { TREE_EMPTY, TREE_SET, TREE_ASSERT, TREE_CAT, TREE_EITHER, TREE_REPEAT };

struct tree {
    enum kind kind;
    struct tree *a, *b;
    const struct set *set;
    enum place place;
    int min, max; /* max -1: any number */
};

struct parser {
    const char *at, *end;
    void *(*alloc)(void *context, size_t bytes);
    void *context;
    unsigned flags;
    bool quoted; /* between \\Q and \\E */
    int depth;
    const char *fault;
    bool no_memory;
};

static void *allocate(struct parser *p, size_t bytes)
{
    void *memory = p->alloc(p->context, bytes);
    if (!memory)
        p->no_memory = true;
    else
        memset(memory, 0, bytes);
    return memory;
}

static bool failed(const struct parser *p) { return p->fault || p->no_memory; }

static void *fail(struct parser *p, const char *why)
{
    if (!p->fault)
        p->fault = why;
    return NULL;
}

/* The code point at *at, which moves on; a byte that is no UTF-8 counts as U+FFFD. */
static uint32_t decode(const char **at, const char *end)
{
    const unsigned char c = (unsigned char)*(*at)++;
    const int more = c < 0x80                ? 0
                     : c >= 0xc2 && c < 0xe0 ? 1
                     : c >= 0xe0 && c < 0xf0 ? 2
                     : c >= 0xf0 && c < 0xf5 ? 3
                                             : -1;
    uint32_t code = more < 1 ? c : c & (0x3fu >> more);
    if (more < 0 || end - *at < more)
        return 0xfffd;
    for (int i = 0; i < more; i++) {
        const unsigned char next = (unsigned char)(*at)[i];
        if ((next & 0xc0) != 0x80)
            return 0xfffd;
        code = code << 6 | (next & 0x3f);
    }
    *at += more;
    return code;
}

/* --- sets --- */

static struct set *new_set(struct parser *p)
{
    struct set *s = allocate(p, sizeof *s);
    if (s)
        s->fold = p->flags & FOLD;
    return s;
}

static void add_range(struct parser *p, struct set *s, uint32_t first, uint32_t last)
{
    struct range *r = allocate(p, sizeof *r);
    if (!r)
        return;
    *r = (struct range){first, last, s->range};
    s->range = r;
}

/* Pairs of characters, each a range; with `negated` what lies between them. */
static void add_ranges(struct parser *p, struct set *s, const char *pairs, bool negated)
{
    uint32_t from = 0;
    for (; *pairs; pairs += 2) {
        const uint32_t first = (unsigned char)pairs[0], last = (unsigned char)pairs[1];
        if (!negated)
            add_range(p, s, first, last);
        else if (first > from)
            add_range(p, s, from, first - 1);
        from = last + 1;
    }
    if (negated)
        add_range(p, s, from, UINT32_MAX);
}

/* \d, \s, \w and their opposites; false for other letters. */
static bool add_perl_class(struct parser *p, struct set *s, uint32_t c)
{
    const char *pairs = c == 'd' || c == 'D'   ? "09"
                        : c == 's' || c == 'S' ? "\t\n\f\r  "
                        : c == 'w' || c == 'W' ? "09AZ__az"
                                               : NULL;
    if (pairs)
        add_ranges(p, s, pairs, c < 'a');
    return pairs != NULL;
}

/* "[:name:]" or "[:^name:]" at p->at. */
static bool add_posix_class(struct parser *p, struct set *s)
{
    static const struct {
        const char *name, *pairs;
    } classes[] = {{"alnum", "09AZaz"},   {"alpha", "AZaz"},
                   {"blank", "\t\t  "},   {"digit", "09"},
                   {"graph", "!~"},       {"lower", "az"},
                   {"print", " ~"},       {"punct", "!/:@[`{~"},
                   {"space", "\t\r  "},   {"upper", "AZ"},
                   {"word", "09AZ__az"},  {"xdigit", "09AFaf"},
                   {"ascii", "\x01\x7f"}, {"cntrl", "\x01\x1f\x7f\x7f"}};
    const char *name = p->at + 2;
    const bool negated = name < p->end && *name == '^';
    name += negated;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        const size_t n = strlen(classes[i].name);
        if ((size_t)(p->end - name) < n + 2 || memcmp(name, classes[i].name, n) != 0 || memcmp(name + n, ":]", 2) != 0)
            continue;
        add_ranges(p, s, classes[i].pairs, negated);
        p->at = name + n + 2;
        return true;
    }
    fail(p, "it names a class of characters that is not known");
    return false;
}

static bool contains(const struct set *s, uint32_t c)
{
    for (const struct range *r = s->range; r; r = r->next)
        if (c >= r->first && c <= r->last)
            return true;
    return false;
}

static bool in_set(const struct set *s, uint32_t c)
{
    const uint32_t other = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? c ^ 0x20 : c;
    return (contains(s, c) || (s->fold && contains(s, other))) != s->negated;
}

/* --- from pattern to tree --- */

static struct tree *parse_either(struct parser *p);

static struct tree *new_tree(struct parser *p, enum kind kind)
{
    struct tree *t = allocate(p, sizeof *t);
    if (t)
        t->kind = kind;
    return t;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* \x7F or \x{10FFFF}, behind the x. */
static uint32_t parse_hex(struct parser *p)
{
    uint32_t code = 0;
    const bool braces = p->at < p->end && *p->at == '{';
    int digits = 0;
    p->at += braces;
    for (; p->at < p->end && digits < (braces ? 6 : 2) && hex_digit(*p->at) >= 0; digits++)
        code = code * 16 + (uint32_t)hex_digit(*p->at++);
    if (digits < (braces ? 1 : 2) || (braces && (p->at == p->end || *p->at++ != '}')) || code > 0x10ffff)
        fail(p, "it holds a bad \\x");
    return code;
}

/* A character that a backslash and `c` mean; classes and places are looked for before. */
static uint32_t parse_escape(struct parser *p, uint32_t c)
{
    static const char names[] = "afnrtv", codes[] = "\a\f\n\r\t\v";
    const char *found = c < 0x80 && c ? strchr(names, (int)c) : NULL;
    if (found)
        return (unsigned char)codes[found - names];
    if (c == 'x')
        return parse_hex(p);
    if (c == '0' || (c >= '1' && c <= '7' && p->at < p->end && *p->at >= '0' && *p->at <= '7')) {
        uint32_t code = c - '0';
        for (int i = 0; i < 2 && p->at < p->end && *p->at >= '0' && *p->at <= '7'; i++)
            code = code * 8 + (uint32_t)(*p->at++ - '0');
        return code;
    }
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        fail(p, "it holds an escape that is not supported");
    return c;
}

/* A character of a class, perhaps escaped; `*whole` when it was a class of its own. */
static uint32_t parse_member(struct parser *p, struct set *s, bool *whole)
{
    const uint32_t c = decode(&p->at, p->end);
    *whole = false;
    if (c != '\\')
        return c;
    if (p->at == p->end) {
        fail(p, "it ends in a backslash");
        return 0;
    }
    const uint32_t escaped = decode(&p->at, p->end);
    *whole = add_perl_class(p, s, escaped);
    return *whole ? 0 : parse_escape(p, escaped);
}

/* Behind "[". */
static const struct set *parse_class(struct parser *p)
{
    struct set *s = new_set(p);
    if (!s)
        return NULL;
    s->negated = p->at < p->end && *p->at == '^';
    p->at += s->negated;
    for (bool first = true; !failed(p); first = false) {
        bool whole, behind;
        if (p->at == p->end)
            return fail(p, "a class has no end");
        if (*p->at == ']' && !first) {
            p->at++;
            return s;
        }
        if (p->end - p->at > 1 && p->at[0] == '[' && p->at[1] == ':') {
            add_posix_class(p, s);
            continue;
        }
        const uint32_t low = parse_member(p, s, &whole);
        if (whole || failed(p))
            continue;
        if (p->end - p->at < 2 || p->at[0] != '-' || p->at[1] == ']') {
            add_range(p, s, low, low);
            continue;
        }
        p->at++;
        const uint32_t high = parse_member(p, s, &behind);
        if (behind || high < low)
            return fail(p, "a range of a class is not one");
        add_range(p, s, low, high);
    }
    return NULL;
}

static struct tree *tree_of_set(struct parser *p, const struct set *s)
{
    struct tree *t = s ? new_tree(p, TREE_SET) : NULL;
    if (t)
        t->set = s;
    return t;
}

static struct tree *literal(struct parser *p, uint32_t c)
{
    struct set *s = new_set(p);
    if (s)
        add_range(p, s, c, c);
    return tree_of_set(p, s);
}

static struct tree *place(struct parser *p, enum place where)
{
    struct tree *t = new_tree(p, TREE_ASSERT);
    if (t)
        t->place = where;
    return t;
}

static struct tree *both(struct parser *p, enum kind kind, struct tree *a, struct tree *b)
{
    struct tree *t = a && b ? new_tree(p, kind) : NULL;
    if (!t)
        return NULL;
    t->a = a;
    t->b = b;
    return t;
}

static struct tree *parse_backslash(struct parser *p)
{
    static const char names[] = "AzbB";
    static const enum place places[] = {TEXT_BEGIN, TEXT_END, WORD, NO_WORD};
    if (p->at == p->end)
        return fail(p, "it ends in a backslash");
    const uint32_t c = decode(&p->at, p->end);
    const char *found = c < 0x80 && c ? strchr(names, (int)c) : NULL;
    if (found)
        return place(p, places[found - names]);
    struct set *s = new_set(p);
    if (s && !add_perl_class(p, s, c)) {
        const uint32_t code = parse_escape(p, c);
        add_range(p, s, code, code);
    }
    return tree_of_set(p, s);
}

/* Behind "(?": flags, and whether a group follows rather than the rest of this one. */
static bool parse_flags(struct parser *p, bool *group)
{
    static const char names[] = "imsU";
    bool on = true;
    for (; p->at < p->end; p->at++) {
        const char *found = *p->at ? strchr(names, *p->at) : NULL;
        if (*p->at == ':' || *p->at == ')') {
            *group = *p->at++ == ':';
            return true;
        }
        if (*p->at == '-')
            on = false;
        else if (found)
            p->flags = on ? p->flags | 1u << (found - names) : p->flags & ~(1u << (found - names));
        else
            break;
    }
    fail(p, "a group begins with something that is not supported");
    return false;
}

/* Behind "(". */
static struct tree *parse_group(struct parser *p)
{
    const unsigned flags = p->flags;
    bool group = true;
    if (p->end - p->at > 1 && p->at[0] == '?') {
        p->at++;
        const bool named = *p->at == 'P' || *p->at == '<';
        if (named) { /* (?P<name>..) and (?<name>..) */
            const char *close = memchr(p->at, '>', (size_t)(p->end - p->at));
            if (!close || (*p->at == 'P' && p->at[1] != '<') || (*p->at == '<' && (p->at[1] == '=' || p->at[1] == '!')))
                return fail(p, "a group begins with something that is not supported");
            p->at = close + 1;
        } else if (!parse_flags(p, &group)) {
            return NULL;
        }
    }
    if (!group) /* flags for the rest of the group around this */
        return new_tree(p, TREE_EMPTY);
    struct tree *t = parse_either(p);
    if (!t || p->at == p->end || *p->at != ')')
        return t ? fail(p, "a group has no end") : NULL;
    p->at++;
    p->flags = flags;
    return t;
}

static struct tree *parse_atom(struct parser *p)
{
    const uint32_t c = decode(&p->at, p->end);
    struct set *s;
    switch (c) {
    case '(':
        return parse_group(p);
    case '[':
        return tree_of_set(p, parse_class(p));
    case '\\':
        return parse_backslash(p);
    case '^':
        return place(p, p->flags & LINES ? LINE_BEGIN : TEXT_BEGIN);
    case '$':
        return place(p, p->flags & LINES ? LINE_END : TEXT_END);
    case '*':
    case '+':
    case '?':
        return fail(p, "nothing stands before a repetition");
    case '.':
        s = new_set(p);
        if (s)
            add_ranges(p, s, p->flags & DOT_ALL ? "" : "\n\n", true);
        return tree_of_set(p, s);
    default:
        return literal(p, c);
    }
}

static bool parse_number(struct parser *p, int *out)
{
    const char *start = p->at;
    for (*out = 0; p->at < p->end && *p->at >= '0' && *p->at <= '9' && *out <= MOST_REPEATS; p->at++)
        *out = *out * 10 + (*p->at - '0');
    return p->at > start;
}

/* "{n}", "{n,}" or "{n,m}"; anything else is a brace that stands for itself. */
static bool parse_braces(struct parser *p, int *min, int *max)
{
    const char *start = p->at++;
    bool good = parse_number(p, min);
    *max = *min;
    if (good && p->at < p->end && *p->at == ',') {
        p->at++;
        if (!parse_number(p, max))
            *max = -1;
    }
    good = good && p->at < p->end && *p->at == '}';
    if (!good) {
        p->at = start;
        return false;
    }
    p->at++;
    if (*min > MOST_REPEATS || *max > MOST_REPEATS || (*max >= 0 && *max < *min))
        fail(p, "a repetition is out of range");
    return true;
}

/* How often what stands before may come; false when no repetition follows. */
static bool parse_count(struct parser *p, int *min, int *max)
{
    if (*p->at == '{')
        return parse_braces(p, min, max);
    if (*p->at != '*' && *p->at != '+' && *p->at != '?')
        return false;
    *min = *p->at == '+';
    *max = *p->at++ == '?' ? 1 : -1;
    return true;
}

/* Moves behind these two characters when they come next. */
static bool skip(struct parser *p, const char *two)
{
    const bool found = p->end - p->at >= 2 && memcmp(p->at, two, 2) == 0;
    p->at += found ? 2 : 0;
    return found;
}

static struct tree *parse_repeat(struct parser *p)
{
    struct tree *t = p->quoted ? literal(p, decode(&p->at, p->end)) : parse_atom(p);
    int min, max;
    if (p->quoted && skip(p, "\\E"))
        p->quoted = false;
    if (!t || p->quoted || p->at == p->end || !parse_count(p, &min, &max))
        return t;
    if (p->at < p->end && *p->at == '?') /* lazy: as a whole the same texts match */
        p->at++;
    t = both(p, TREE_REPEAT, t, t);
    if (t) {
        t->min = min;
        t->max = max;
    }
    return t && p->at < p->end && parse_count(p, &min, &max) ? fail(p, "a repetition is repeated") : t;
}

static struct tree *parse_sequence(struct parser *p)
{
    struct tree *t = new_tree(p, TREE_EMPTY);
    while (t && !failed(p) && p->at < p->end && (p->quoted || (*p->at != '|' && *p->at != ')'))) {
        if (!p->quoted && skip(p, "\\Q"))
            p->quoted = !skip(p, "\\E");
        else
            t = both(p, TREE_CAT, t, parse_repeat(p));
    }
    return t;
}

static struct tree *parse_either(struct parser *p)
{
    if (++p->depth > MOST_DEPTH)
        return fail(p, "groups are nested too deep");
    struct tree *t = parse_sequence(p);
    while (t && p->at < p->end && *p->at == '|') {
        p->at++;
        t = both(p, TREE_EITHER, t, parse_sequence(p));
    }
    p->depth--;
    return t;
}

/* --- from tree to program --- */

struct writer {
    struct alt_regex_op *op; /* NULL: counts alone */
    int count, steps;
};

/* Appends an operation; its number. */
static int put(struct writer *w, struct alt_regex_op op)
{
    if (w->op)
        w->op[w->count] = op;
    return w->count++;
}

/* Sets where a jump or a second way leads. */
static void lead(struct writer *w, int from, int to)
{
    if (w->op && w->op[from].code == SPLIT)
        w->op[from].y = to;
    else if (w->op)
        w->op[from].x = to;
}

static void write(struct writer *w, const struct tree *t);

static void write_repeat(struct writer *w, const struct tree *t)
{
    for (int i = 0; i < t->min && w->steps <= MOST_OPS; i++)
        write(w, t->a);
    if (t->max < 0) {
        const int start = put(w, (struct alt_regex_op){.code = SPLIT, .x = w->count + 1});
        write(w, t->a);
        lead(w, put(w, (struct alt_regex_op){.code = JUMP}), start);
        lead(w, start, w->count);
    }
    for (int i = t->min; i < t->max && w->steps <= MOST_OPS;
         i++) { /* each may be the last: all lead behind their own */
        const int start = put(w, (struct alt_regex_op){.code = SPLIT, .x = w->count + 1});
        write(w, t->a);
        lead(w, start, w->count);
    }
}

static void write_either(struct writer *w, const struct tree *t)
{
    const int start = put(w, (struct alt_regex_op){.code = SPLIT, .x = w->count + 1});
    write(w, t->a);
    const int end = put(w, (struct alt_regex_op){.code = JUMP});
    lead(w, start, w->count);
    write(w, t->b);
    lead(w, end, w->count);
}

static void write(struct writer *w, const struct tree *t)
{
    if (++w->steps > MOST_OPS)
        return;
    switch (t->kind) {
    case TREE_EMPTY:
        break;
    case TREE_SET:
        put(w, (struct alt_regex_op){.code = SET, .set = t->set});
        break;
    case TREE_ASSERT:
        put(w, (struct alt_regex_op){.code = ASSERT, .x = (int)t->place});
        break;
    case TREE_CAT:
        write(w, t->a);
        write(w, t->b);
        break;
    case TREE_EITHER:
        write_either(w, t);
        break;
    case TREE_REPEAT:
        write_repeat(w, t);
        break;
    }
}

/* The program of a tree, behind it ACCEPT. */
static void write_program(struct parser *p, struct alt_regex *r, const struct tree *t)
{
    struct writer w = {.op = NULL};
    write(&w, t);
    if (w.steps > MOST_OPS || w.count >= MOST_OPS) {
        p->fault = "it is too long when its repetitions are written out";
        return;
    }
    w = (struct writer){.op = allocate(p, ((size_t)w.count + 1) * sizeof *w.op)};
    if (!w.op)
        return;
    write(&w, t);
    put(&w, (struct alt_regex_op){.code = ACCEPT});
    r->op = w.op;
    r->count = w.count;
}

bool alt_regex_compile(struct alt_regex *r, const alt_string *pattern, void *(*alloc)(void *context, size_t bytes),
                       void *context)
{
    struct parser p = {.at = pattern->data, .end = pattern->data + pattern->length, .alloc = alloc, .context = context};
    *r = (struct alt_regex){.op = NULL};
    if (pattern->length > MOST_PATTERN) {
        r->fault = "it is too long";
        return true;
    }
    const struct tree *t = parse_either(&p);
    if (!failed(&p) && p.at < p.end)
        fail(&p, "a group ends that has not begun");
    if (t && !failed(&p))
        write_program(&p, r, t);
    r->fault = p.fault;
    return !p.no_memory;
}

/* --- matching --- */

/* States that are alive: a list, and when each state was last put on one. */
struct threads {
    int *list, *seen, *stack;
    int count, turn;
};

static bool word_at(const char *text, const char *begin, const char *end)
{
    const unsigned char c = text >= begin && text < end ? (unsigned char)*text : ' ';
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool holds(int where, const char *at, const char *begin, const char *end)
{
    const bool edge = word_at(at - 1, begin, end) != word_at(at, begin, end);
    switch (where) {
    case TEXT_BEGIN:
        return at == begin;
    case TEXT_END:
        return at == end;
    case LINE_BEGIN:
        return at == begin || at[-1] == '\n';
    case LINE_END:
        return at == end || *at == '\n';
    default:
        return edge == (where == WORD);
    }
}

/* Puts a state on the list, and all that it leads to without reading. */
static void follow(const struct alt_regex *r, struct threads *t, int state, const char *at, const alt_string *text)
{
    int depth = 0;
    t->stack[depth++] = state;
    while (depth > 0) {
        const int s = t->stack[--depth];
        const struct alt_regex_op *op = &r->op[s];
        if (t->seen[s] == t->turn)
            continue;
        t->seen[s] = t->turn;
        if (op->code == SPLIT)
            t->stack[depth++] = op->y;
        if (op->code == SPLIT || op->code == JUMP)
            t->stack[depth++] = op->x;
        else if (op->code == ASSERT && holds(op->x, at, text->data, text->data + text->length))
            t->stack[depth++] = s + 1;
        else if (op->code != ASSERT)
            t->list[t->count++] = s;
    }
}

size_t alt_regex_memory(const struct alt_regex *r) { return (size_t)r->count * 5 * sizeof(int) + 2 * sizeof(int); }

bool alt_regex_match(const struct alt_regex *r, const alt_string *text, void *memory)
{
    int *lists = memory;
    struct threads t = {.seen = lists + 2 * r->count, .stack = lists + 3 * r->count};
    const char *at = text->data, *end = text->data + text->length;
    memset(t.seen, 0, (size_t)r->count * sizeof *t.seen);
    t.list = lists;
    t.turn = 1;
    follow(r, &t, 0, at, text);
    while (at < end && t.count > 0) {
        const uint32_t c = decode(&at, end);
        const int *now = t.list;
        const int n = t.count;
        t.list = t.list == lists ? lists + r->count : lists;
        t.count = 0;
        t.turn = t.turn == INT32_MAX ? 1 : t.turn + 1;
        if (t.turn == 1)
            memset(t.seen, 0, (size_t)r->count * sizeof *t.seen);
        for (int i = 0; i < n; i++)
            if (r->op[now[i]].code == SET && in_set(r->op[now[i]].set, c))
                follow(r, &t, now[i] + 1, at, text);
    }
    for (int i = 0; i < t.count; i++)
        if (at == end && r->op[t.list[i]].code == ACCEPT)
            return true;
    return false;
}
