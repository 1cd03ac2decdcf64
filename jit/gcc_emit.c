/* gcc_emit.c: the translation of a nest, statement by statement. Nothing is decided here: each tile element is a vector
 * local, unrolled loops are copied, all other loops and conditions become branches. A condition or an index whose
 * variables are constants in a copy is worked out at once.
 *
 * Addresses: for each loop that runs, the pointers that depend on its variable are advanced at the start of its body:
 * one pointer for each buffer and each set of coefficients of running variables. What remains is a constant offset from
 * it.
 */
#include "jit/gcc_emit.h"

#include "jit/nest.h"
#include "runtime/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The generated code reads the arguments by these offsets. */
_Static_assert(offsetof(struct alt_kargs, operand) == 8, "kernel ABI");
_Static_assert(offsetof(struct alt_kargs, extent) == 16, "kernel ABI");
_Static_assert(offsetof(struct alt_kargs, begin) == 32 && offsetof(struct alt_kargs, end) == 40, "kernel ABI");
_Static_assert(offsetof(struct alt_kargs, scratch) == 48, "kernel ABI");
_Static_assert(offsetof(struct alt_koperand, data) == 0 && sizeof(struct alt_koperand) == 32, "kernel ABI");
_Static_assert(ALT_KERNEL_ABI == 1, "look at the offsets above");

enum { POINTERS = 512 };

/* A pointer to a buffer's element at sum(coef * variable) for the running variables of the loops around it. */
struct pointer {
    int buffer, depth; /* loops that run around it */
    int64_t coef[ALT_NEST_DEPTH];
    gcc_jit_rvalue *value;
};

struct emitter {
    gcc_jit_context *ctxt;
    const struct alt_gcc_isa *isa;
    const struct alt_nest *nest;
    gcc_jit_function *fn;
    gcc_jit_block *block;
    gcc_jit_type *i64, *f32, *f32_ptr, *vec, *vec_ptr; /* vec_ptr: to vectors at any element's address */
    int64_t stride[ALT_NEST_BUFFERS][ALT_NEST_RANK];
    gcc_jit_lvalue *reg[ALT_NEST_REGISTERS];
    int first[ALT_NEST_TILES];
    /* Variables: running ones have a local, the others a value. */
    gcc_jit_lvalue *local[ALT_NEST_LOOPS];
    int64_t value[ALT_NEST_LOOPS];
    gcc_jit_lvalue *symbol; /* NULL: there is none */
    int running[ALT_NEST_DEPTH], n_running;
    struct pointer *pointer; /* [POINTERS], a stack */
    int n_pointers;
    int names;
    bool full; /* more pointers than there is room for */
};

/* ---- small words ---- */

static gcc_jit_rvalue *integer(struct emitter *e, int64_t value)
{
    return gcc_jit_context_new_rvalue_from_long(e->ctxt, e->i64, value);
}

static gcc_jit_rvalue *binary(struct emitter *e, enum gcc_jit_binary_op op, gcc_jit_type *type, gcc_jit_rvalue *a,
                              gcc_jit_rvalue *b)
{
    return gcc_jit_context_new_binary_op(e->ctxt, NULL, op, type, a, b);
}

static gcc_jit_lvalue *new_local(struct emitter *e, gcc_jit_type *type, const char *stem)
{
    char name[40];
    snprintf(name, sizeof name, "%s_%d", stem, e->names++);
    return gcc_jit_function_new_local(e->fn, NULL, type, name);
}

/* Whether the loop runs once at most is known. */
static bool runs_once(const struct alt_nest_loop *loop) { return loop->extent == 1 && !loop->per; }

static gcc_jit_rvalue *extent_of(struct emitter *e, const struct alt_nest_loop *loop)
{
    if (!loop->per)
        return integer(e, loop->extent);
    gcc_jit_rvalue *symbol = gcc_jit_lvalue_as_rvalue(e->symbol);
    if (loop->per == 1)
        return symbol;
    return binary(e, GCC_JIT_BINARY_OP_DIVIDE, e->i64,
                  binary(e, GCC_JIT_BINARY_OP_PLUS, e->i64, symbol, integer(e, loop->per - 1)), integer(e, loop->per));
}

static gcc_jit_block *new_block(struct emitter *e) { return gcc_jit_function_new_block(e->fn, NULL); }

static void assign(struct emitter *e, gcc_jit_lvalue *to, gcc_jit_rvalue *value)
{
    gcc_jit_block_add_assignment(e->block, NULL, to, value);
}

static gcc_jit_rvalue *splat(struct emitter *e, gcc_jit_rvalue *scalar)
{
    gcc_jit_rvalue *lane[ALT_NEST_LANES];
    for (int l = 0; l < e->nest->lanes; l++)
        lane[l] = scalar;
    return gcc_jit_context_new_rvalue_from_vector(e->ctxt, NULL, e->vec, (size_t)e->nest->lanes, lane);
}

/* ---- addresses ---- */

/* The running variables' coefficients and the constant rest of an access, in elements. */
static int64_t flatten(struct emitter *e, const struct alt_buffer_ref *ref, int64_t coef[ALT_NEST_DEPTH])
{
    int64_t rest = 0;

    memset(coef, 0, ALT_NEST_DEPTH * sizeof *coef);
    for (int a = 0; a < e->nest->buffer[ref->buffer].rank; a++) {
        const struct alt_affine *at = &ref->at[a];
        const int64_t stride = e->stride[ref->buffer][a];
        rest += at->base * stride;
        for (int t = 0; t < at->count; t++) {
            const int var = at->term[t].var;
            int depth = 0;
            while (depth < e->n_running && e->running[depth] != var)
                depth++;
            if (depth < e->n_running)
                coef[depth] += at->term[t].coef * stride;
            else
                rest += at->term[t].coef * stride * e->value[var];
        }
    }
    return rest;
}

/* The pointer for the outer `depth` running variables, made in the current block where it is missing. */
static gcc_jit_rvalue *pointer_to(struct emitter *e, int buffer, const int64_t *coef, int depth)
{
    while (depth > 0 && coef[depth - 1] == 0)
        depth--;
    for (int i = e->n_pointers - 1; i >= 0; i--) {
        const struct pointer *p = &e->pointer[i];
        if (p->buffer == buffer && p->depth == depth && memcmp(p->coef, coef, (size_t)depth * sizeof *coef) == 0)
            return p->value;
    }
    gcc_jit_rvalue *outer = pointer_to(e, buffer, coef, depth - 1); /* depth 0 is always there */
    if (e->n_pointers == POINTERS) {
        e->full = true;
        return outer;
    }
    gcc_jit_rvalue *var = gcc_jit_lvalue_as_rvalue(e->local[e->running[depth - 1]]);
    gcc_jit_rvalue *offset = binary(e, GCC_JIT_BINARY_OP_MULT, e->i64, var, integer(e, coef[depth - 1]));
    gcc_jit_lvalue *p = new_local(e, e->f32_ptr, "p");
    assign(e, p, gcc_jit_lvalue_get_address(gcc_jit_context_new_array_access(e->ctxt, NULL, outer, offset), NULL));
    struct pointer *entry = &e->pointer[e->n_pointers++];
    *entry = (struct pointer){.buffer = buffer, .depth = depth, .value = gcc_jit_lvalue_as_rvalue(p)};
    memcpy(entry->coef, coef, (size_t)depth * sizeof *coef);
    return entry->value;
}

/* Makes the pointers that accesses below `s` need from the loops that run here, so that they are made once. Unrolled
 * variables below count as 0; they do not matter to coefficients. */
static void prepare_pointers(struct emitter *e, const struct alt_stmt *s)
{
    for (; s; s = s->next) {
        if (s->ref) {
            int64_t coef[ALT_NEST_DEPTH];
            flatten(e, s->ref, coef);
            pointer_to(e, s->ref->buffer, coef, e->n_running);
        }
        prepare_pointers(e, s->body);
        prepare_pointers(e, s->other);
    }
}

static gcc_jit_lvalue *element(struct emitter *e, const struct alt_buffer_ref *ref, int64_t further)
{
    int64_t coef[ALT_NEST_DEPTH];
    const int64_t rest = flatten(e, ref, coef);
    gcc_jit_rvalue *p = pointer_to(e, ref->buffer, coef, e->n_running);
    return gcc_jit_context_new_array_access(e->ctxt, NULL, p, integer(e, rest + further));
}

static gcc_jit_lvalue *vector_at(struct emitter *e, const struct alt_buffer_ref *ref)
{
    gcc_jit_rvalue *address = gcc_jit_lvalue_get_address(element(e, ref, 0), NULL);
    return gcc_jit_rvalue_dereference(gcc_jit_context_new_cast(e->ctxt, NULL, address, e->vec_ptr), NULL);
}

/* ---- plain statements ---- */

static gcc_jit_lvalue *reg_of(struct emitter *e, const struct alt_tile_ref *ref)
{
    const struct alt_nest_tile *t = &e->nest->tile[ref->tile];
    int64_t at = 0;

    for (int i = 0; i < t->rank; i++)
        at = at * t->extent[i] + alt_affine_at(&ref->at[i], e->value);
    return e->reg[e->first[ref->tile] + at];
}

/* Lane l of a vector local. Only copies are taken apart, so that registers need no address. */
static gcc_jit_lvalue *lane(struct emitter *e, gcc_jit_lvalue *vector, int l)
{
    gcc_jit_rvalue *p = gcc_jit_context_new_cast(e->ctxt, NULL, gcc_jit_lvalue_get_address(vector, NULL), e->f32_ptr);
    return gcc_jit_context_new_array_access(e->ctxt, NULL, p, integer(e, l));
}

/* The distance is part of the text: libgccjit 12 does not survive operands in memory or immediate ones. Inputs are not
 * written while a kernel runs, so the compiler need not know that the instruction reads memory. */
static void emit_splat(struct emitter *e, const struct alt_stmt *s, gcc_jit_lvalue *t)
{
    int64_t coef[ALT_NEST_DEPTH], bytes = flatten(e, s->ref, coef) * (int64_t)sizeof(float);
    gcc_jit_rvalue *p = pointer_to(e, s->ref->buffer, coef, e->n_running);
    const size_t before = strcspn(e->isa->splat, "@");
    char constraint[8], text[128];

    if (bytes != (int32_t)bytes) { /* too far for an instruction */
        p = gcc_jit_lvalue_get_address(element(e, s->ref, 0), NULL);
        bytes = 0;
    }
    snprintf(text, sizeof text, "%.*s%d%s", (int)before, e->isa->splat, (int)bytes, e->isa->splat + before + 1);
    snprintf(constraint, sizeof constraint, "=%s", e->isa->reg);
    gcc_jit_extended_asm *i = gcc_jit_block_add_extended_asm(e->block, NULL, text);
    gcc_jit_extended_asm_set_volatile_flag(i, 1);
    gcc_jit_extended_asm_add_output_operand(i, NULL, constraint, t);
    gcc_jit_extended_asm_add_input_operand(i, NULL, "r", p);
}

/* For reading, into the second-level cache. */
static void emit_prefetch(struct emitter *e, const struct alt_stmt *s)
{
    gcc_jit_function *f = gcc_jit_context_get_builtin_function(e->ctxt, "__builtin_prefetch");
    gcc_jit_type *i32 = gcc_jit_context_get_type(e->ctxt, GCC_JIT_TYPE_INT);
    gcc_jit_type *nothing = gcc_jit_type_get_const(gcc_jit_context_get_type(e->ctxt, GCC_JIT_TYPE_VOID));
    gcc_jit_rvalue *address = gcc_jit_lvalue_get_address(element(e, s->ref, 0), NULL);
    gcc_jit_rvalue *arg[3] = {gcc_jit_context_new_cast(e->ctxt, NULL, address, gcc_jit_type_get_pointer(nothing)),
                              gcc_jit_context_new_rvalue_from_int(e->ctxt, i32, 0),
                              gcc_jit_context_new_rvalue_from_int(e->ctxt, i32, 2)};
    gcc_jit_block_add_eval(e->block, NULL, gcc_jit_context_new_call(e->ctxt, NULL, f, 3, arg));
}

static void emit_memory(struct emitter *e, const struct alt_stmt *s)
{
    const struct alt_nest_buffer *b = &e->nest->buffer[s->ref->buffer];
    gcc_jit_lvalue *t = reg_of(e, s->dst);

    if (s->kind == ALT_STMT_SPLAT) {
        emit_splat(e, s, t);
        return;
    }
    const bool store = s->kind == ALT_STMT_STORE;
    if (s->ref->lanes == e->nest->lanes && s->ref->axis == b->rank - 1) {
        if (store)
            assign(e, vector_at(e, s->ref), gcc_jit_lvalue_as_rvalue(t));
        else
            assign(e, t, gcc_jit_lvalue_as_rvalue(vector_at(e, s->ref)));
        return;
    }
    gcc_jit_lvalue *copy = new_local(e, e->vec, "lanes");
    assign(e, copy, store ? gcc_jit_lvalue_as_rvalue(t) : splat(e, gcc_jit_context_zero(e->ctxt, e->f32)));
    for (int l = 0; l < s->ref->lanes; l++) {
        gcc_jit_lvalue *memory = element(e, s->ref, l * e->stride[s->ref->buffer][s->ref->axis]);
        assign(e, store ? memory : lane(e, copy, l), gcc_jit_lvalue_as_rvalue(store ? lane(e, copy, l) : memory));
    }
    if (!store)
        assign(e, t, gcc_jit_lvalue_as_rvalue(copy));
}

/* An instruction with one result and two sources. `result`: its constraint; `first`: that of the first source. */
static void instruction(struct emitter *e, const char *text, const char *result, gcc_jit_lvalue *out, const char *first,
                        gcc_jit_rvalue *a, gcc_jit_rvalue *b)
{
    gcc_jit_extended_asm *i = gcc_jit_block_add_extended_asm(e->block, NULL, text);
    char constraint[8];

    snprintf(constraint, sizeof constraint, "%s%s", result, e->isa->reg);
    gcc_jit_extended_asm_add_output_operand(i, NULL, constraint, out);
    gcc_jit_extended_asm_add_input_operand(i, NULL, first, a);
    gcc_jit_extended_asm_add_input_operand(i, NULL, e->isa->reg, b);
}

static void emit_bound(struct emitter *e, const struct alt_stmt *s)
{
    gcc_jit_lvalue *t = reg_of(e, s->dst), *out = new_local(e, e->vec, "bound");
    gcc_jit_rvalue *c = splat(e, gcc_jit_context_new_rvalue_from_double(e->ctxt, e->f32, (double)s->value));

    instruction(e, s->kind == ALT_STMT_MAX ? e->isa->max : e->isa->min, "=", out, e->isa->tied ? "0" : e->isa->reg, c,
                gcc_jit_lvalue_as_rvalue(t));
    assign(e, t, gcc_jit_lvalue_as_rvalue(out));
}

static void emit_fma(struct emitter *e, gcc_jit_lvalue *t, gcc_jit_rvalue *a, gcc_jit_rvalue *b)
{
    if (e->nest->fused) {
        instruction(e, e->isa->fma, "+", t, e->isa->reg, a, b);
        return;
    }
    gcc_jit_rvalue *product = binary(e, GCC_JIT_BINARY_OP_MULT, e->vec, a, b);
    assign(e, t, binary(e, GCC_JIT_BINARY_OP_PLUS, e->vec, gcc_jit_lvalue_as_rvalue(t), product));
}

static void emit_plain(struct emitter *e, const struct alt_stmt *s)
{
    gcc_jit_lvalue *t = reg_of(e, s->dst);
    gcc_jit_rvalue *a = s->a ? gcc_jit_lvalue_as_rvalue(reg_of(e, s->a)) : NULL;

    if (s->kind == ALT_STMT_ZERO) {
        assign(e, t, splat(e, gcc_jit_context_zero(e->ctxt, e->f32)));
    } else if (s->kind == ALT_STMT_ADD) {
        assign(e, t, binary(e, GCC_JIT_BINARY_OP_PLUS, e->vec, gcc_jit_lvalue_as_rvalue(t), a));
    } else if (s->kind == ALT_STMT_FMA) {
        emit_fma(e, t, a, gcc_jit_lvalue_as_rvalue(reg_of(e, s->b)));
    } else {
        emit_bound(e, s);
    }
}

/* ---- control ---- */

static void emit_body(struct emitter *e, const struct alt_stmt *s);

static void emit_unrolled(struct emitter *e, const struct alt_stmt *s)
{
    for (int64_t i = 0; i < e->nest->loop[s->var].extent; i++) {
        e->value[s->var] = i;
        emit_body(e, s->body);
    }
    e->value[s->var] = 0;
}

/* Runs `body` with the variable known to run; pointers made inside are forgotten behind it. */
static void emit_running(struct emitter *e, int var, const struct alt_stmt *body)
{
    const int kept = e->n_pointers;
    e->running[e->n_running++] = var;
    prepare_pointers(e, body);
    emit_body(e, body);
    e->n_running--;
    e->n_pointers = kept;
}

static void emit_loop(struct emitter *e, const struct alt_stmt *s)
{
    const struct alt_nest_loop *loop = &e->nest->loop[s->var];

    if (loop->kind == ALT_LOOP_UNROLLED || runs_once(loop)) {
        emit_unrolled(e, s);
        return;
    }
    gcc_jit_lvalue *var = new_local(e, e->i64, loop->name);
    gcc_jit_block *body = new_block(e), *after = new_block(e);
    e->local[s->var] = var;
    assign(e, var, integer(e, 0));
    gcc_jit_block_end_with_jump(e->block, NULL, body);
    e->block = body;
    emit_running(e, s->var, s->body);
    gcc_jit_block_add_assignment_op(e->block, NULL, var, GCC_JIT_BINARY_OP_PLUS, integer(e, 1));
    gcc_jit_rvalue *more = gcc_jit_context_new_comparison(e->ctxt, NULL, GCC_JIT_COMPARISON_LT,
                                                          gcc_jit_lvalue_as_rvalue(var), extent_of(e, loop));
    gcc_jit_block_end_with_conditional(e->block, NULL, more, body, after);
    e->block = after;
}

/* The condition's expression, NULL when nothing in it runs; *rest is its constant part. */
static gcc_jit_rvalue *condition(struct emitter *e, const struct alt_affine *c, int64_t *rest)
{
    gcc_jit_rvalue *sum = NULL;

    *rest = c->base;
    for (int t = 0; t < c->count; t++) {
        const int var = c->term[t].var;
        bool runs = false;
        for (int d = 0; d < e->n_running; d++)
            runs = runs || e->running[d] == var;
        if (!runs) {
            *rest += c->term[t].coef * e->value[var];
            continue;
        }
        gcc_jit_rvalue *term = binary(e, GCC_JIT_BINARY_OP_MULT, e->i64, gcc_jit_lvalue_as_rvalue(e->local[var]),
                                      integer(e, c->term[t].coef));
        sum = sum ? binary(e, GCC_JIT_BINARY_OP_PLUS, e->i64, sum, term) : term;
    }
    return sum;
}

static void emit_branch(struct emitter *e, gcc_jit_block *block, const struct alt_stmt *body, gcc_jit_block *after)
{
    const int kept = e->n_pointers;
    e->block = block;
    emit_body(e, body);
    gcc_jit_block_end_with_jump(e->block, NULL, after);
    e->n_pointers = kept;
}

static void emit_when(struct emitter *e, const struct alt_stmt *s)
{
    int64_t rest;
    gcc_jit_rvalue *sum = condition(e, &s->condition, &rest);

    const bool open = s->limit == ALT_NEST_SYMBOL;
    if (!sum && (!open || rest < 0)) {
        emit_body(e, rest >= 0 && rest < s->limit ? s->body : s->other);
        return;
    }
    if (!sum)
        sum = integer(e, 0);
    gcc_jit_type *u64 = gcc_jit_context_get_int_type(e->ctxt, 8, 0); /* below 0 becomes far above the limit */
    gcc_jit_rvalue *value =
        gcc_jit_context_new_cast(e->ctxt, NULL, binary(e, GCC_JIT_BINARY_OP_PLUS, e->i64, sum, integer(e, rest)), u64);
    gcc_jit_rvalue *limit = open ? gcc_jit_context_new_cast(e->ctxt, NULL, gcc_jit_lvalue_as_rvalue(e->symbol), u64)
                                 : gcc_jit_context_new_rvalue_from_long(e->ctxt, u64, s->limit);
    gcc_jit_block *yes = new_block(e), *no = new_block(e), *after = new_block(e);
    gcc_jit_block_end_with_conditional(
        e->block, NULL, gcc_jit_context_new_comparison(e->ctxt, NULL, GCC_JIT_COMPARISON_LT, value, limit), yes, no);
    emit_branch(e, yes, s->body, after);
    emit_branch(e, no, s->other, after);
    e->block = after;
}

static void emit_body(struct emitter *e, const struct alt_stmt *s)
{
    for (; s; s = s->next) {
        if (s->kind == ALT_STMT_LOOP)
            emit_loop(e, s);
        else if (s->kind == ALT_STMT_WHEN)
            emit_when(e, s);
        else if (s->kind == ALT_STMT_PREFETCH)
            emit_prefetch(e, s);
        else if (s->ref)
            emit_memory(e, s);
        else
            emit_plain(e, s);
    }
}

/* ---- the function ---- */

static void declare_types(struct emitter *e)
{
    e->i64 = gcc_jit_context_get_int_type(e->ctxt, 8, 1);
    e->f32 = gcc_jit_context_get_type(e->ctxt, GCC_JIT_TYPE_FLOAT);
    e->f32_ptr = gcc_jit_type_get_pointer(e->f32);
    e->vec = gcc_jit_type_get_vector(e->f32, (size_t)e->nest->lanes);
    e->vec_ptr = gcc_jit_type_get_pointer(gcc_jit_type_get_aligned(e->vec, sizeof(float)));
}

/* *(type *)(base + offset) */
static gcc_jit_rvalue *field(struct emitter *e, gcc_jit_rvalue *base, size_t offset, gcc_jit_type *type)
{
    gcc_jit_lvalue *at = gcc_jit_context_new_array_access(e->ctxt, NULL, base, integer(e, (int64_t)offset));
    gcc_jit_rvalue *p =
        gcc_jit_context_new_cast(e->ctxt, NULL, gcc_jit_lvalue_get_address(at, NULL), gcc_jit_type_get_pointer(type));
    return gcc_jit_lvalue_as_rvalue(gcc_jit_rvalue_dereference(p, NULL));
}

static void load_pointers(struct emitter *e, gcc_jit_rvalue *args)
{
    gcc_jit_type *bytes = gcc_jit_type_get_pointer(gcc_jit_context_get_type(e->ctxt, GCC_JIT_TYPE_CHAR));
    gcc_jit_rvalue *operand = field(e, args, offsetof(struct alt_kargs, operand), bytes);
    gcc_jit_rvalue *scratch = field(e, args, offsetof(struct alt_kargs, scratch), e->f32_ptr);
    size_t begin[ALT_NEST_BUFFERS];

    alt_nest_scratch(e->nest, begin);
    for (int b = 0; b < e->nest->n_buffers; b++) {
        const size_t offset = (size_t)b * sizeof(struct alt_koperand) + offsetof(struct alt_koperand, data);
        gcc_jit_lvalue *p = new_local(e, e->f32_ptr, e->nest->buffer[b].name);
        gcc_jit_lvalue *own = gcc_jit_context_new_array_access(e->ctxt, NULL, scratch,
                                                               integer(e, (int64_t)(begin[b] / sizeof(float))));
        assign(e, p,
               e->nest->buffer[b].kind == ALT_BUFFER_SCRATCH ? gcc_jit_lvalue_get_address(own, NULL)
                                                             : field(e, operand, offset, e->f32_ptr));
        e->pointer[e->n_pointers++] = (struct pointer){.buffer = b, .value = gcc_jit_lvalue_as_rvalue(p)};
        int64_t stride = 1;
        for (int a = e->nest->buffer[b].rank - 1; a >= 0; a--) {
            e->stride[b][a] = stride;
            stride *= e->nest->buffer[b].extent[a]; /* before the symbol's axis all indices are 0 */
        }
    }
}

static void declare_tiles(struct emitter *e)
{
    int n = 0;
    for (int t = 0; t < e->nest->n_tiles; t++) {
        int64_t elements = 1;
        for (int k = 0; k < e->nest->tile[t].rank; k++)
            elements *= e->nest->tile[t].extent[k];
        e->first[t] = n;
        for (int64_t i = 0; i < elements; i++)
            e->reg[n++] = new_local(e, e->vec, e->nest->tile[t].name);
    }
    for (int i = 0; i < n; i++)
        assign(e, e->reg[i], splat(e, gcc_jit_context_zero(e->ctxt, e->f32)));
}

/* Parallel variables from the number of the tile, innermost first, each a local. */
static void decompose(struct emitter *e, const struct alt_nest_range *r, gcc_jit_lvalue *tile)
{
    gcc_jit_rvalue *rest = gcc_jit_lvalue_as_rvalue(tile);

    for (int i = r->count - 1; i >= 0; i--) {
        const struct alt_nest_loop *loop = &e->nest->loop[r->var[i]];
        if (runs_once(loop))
            continue;
        gcc_jit_lvalue *var = new_local(e, e->i64, loop->name);
        assign(e, var, binary(e, GCC_JIT_BINARY_OP_MODULO, e->i64, rest, extent_of(e, loop)));
        e->local[r->var[i]] = var;
        rest = binary(e, GCC_JIT_BINARY_OP_DIVIDE, e->i64, rest, extent_of(e, loop));
    }
    for (int i = 0; i < r->count; i++)
        if (!runs_once(&e->nest->loop[r->var[i]]))
            e->running[e->n_running++] = r->var[i];
}

static void emit_tile_loop(struct emitter *e, gcc_jit_rvalue *args)
{
    struct alt_nest_range range;
    gcc_jit_lvalue *tile = new_local(e, e->i64, "tile"), *end = new_local(e, e->i64, "end");
    gcc_jit_block *head = new_block(e), *body = new_block(e), *after = new_block(e);

    alt_nest_range(e->nest, &range);
    load_pointers(e, args);
    if (e->nest->typical) {
        gcc_jit_rvalue *extents = field(e, args, offsetof(struct alt_kargs, extent), gcc_jit_type_get_pointer(e->i64));
        e->symbol = new_local(e, e->i64, "symbol");
        assign(e, e->symbol, gcc_jit_lvalue_as_rvalue(gcc_jit_rvalue_dereference(extents, NULL)));
    }
    assign(e, tile, field(e, args, offsetof(struct alt_kargs, begin), e->i64));
    assign(e, end, field(e, args, offsetof(struct alt_kargs, end), e->i64));
    gcc_jit_block_end_with_jump(e->block, NULL, head);
    gcc_jit_block_end_with_conditional(head, NULL,
                                       gcc_jit_context_new_comparison(e->ctxt, NULL, GCC_JIT_COMPARISON_LT,
                                                                      gcc_jit_lvalue_as_rvalue(tile),
                                                                      gcc_jit_lvalue_as_rvalue(end)),
                                       body, after);
    e->block = body;
    declare_tiles(e);
    decompose(e, &range, tile);
    prepare_pointers(e, range.body);
    emit_body(e, range.body);
    gcc_jit_block_add_assignment_op(e->block, NULL, tile, GCC_JIT_BINARY_OP_PLUS, integer(e, 1));
    gcc_jit_block_end_with_jump(e->block, NULL, head);
    gcc_jit_block_end_with_void_return(after, NULL);
}

alt_status alt_gcc_emit(gcc_jit_context *ctxt, const struct alt_gcc_isa *isa, const struct alt_nest *nest,
                        const char *name)
{
    struct emitter *e = calloc(1, sizeof *e);
    alt_status status = ALT_E_NOMEM;

    if (!e || !(e->pointer = calloc(POINTERS, sizeof *e->pointer)))
        goto done;
    e->ctxt = ctxt;
    e->isa = isa;
    e->nest = nest;
    declare_types(e);
    gcc_jit_type *bytes = gcc_jit_type_get_pointer(gcc_jit_context_get_type(ctxt, GCC_JIT_TYPE_CHAR));
    gcc_jit_param *args = gcc_jit_context_new_param(ctxt, NULL, bytes, "args");
    e->fn = gcc_jit_context_new_function(ctxt, NULL, GCC_JIT_FUNCTION_EXPORTED,
                                         gcc_jit_context_get_type(ctxt, GCC_JIT_TYPE_VOID), name, 1, &args, 0);
    e->block = new_block(e);
    emit_tile_loop(e, gcc_jit_param_as_rvalue(args));
    status = e->full ? ALT_E_ILLEGAL : ALT_OK;
done:
    if (e)
        free(e->pointer);
    free(e);
    return status;
}
