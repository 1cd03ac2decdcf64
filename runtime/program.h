/* program.h: what a plan executes: values with layouts, steps with kernels, constants laid out. No extents, no addresses.
 *
 * Built once from a model's graph; immutable and shared by every binding, context and thread afterwards. A program may be
 * run for every shape that its kernels admit (binding tells: ALT_E_ILLEGAL); default programs admit all.
 */
#ifndef ALT_RUNTIME_PROGRAM_H
#define ALT_RUNTIME_PROGRAM_H

#include "runtime/graph.h"
#include "runtime/kernel.h"
#include "runtime/pool.h"

struct alt_choices;
struct alt_kernel_owner;
struct alt_layout;
struct alt_diag;
struct alt_mem;
struct alt_weight;
struct alt_weights;

enum alt_pvalue_kind {
    ALT_PV_TEMP,  /* written by one step */
    ALT_PV_INPUT, /* the caller's memory; index: graph input, behind them captures */
    ALT_PV_CONST  /* content and data */
};

struct alt_pvalue {
    const char *name;
    enum alt_pvalue_kind kind;
    int index;
    int output;                      /* graph output that this value is written to in place, or -1 (also for outputs that are
                                        handed over when all steps have run, see outputs.h) */
    int last_use;                    /* last step that reads it; its own step when none does; n_steps: a constant or input */
    bool strided_ok;                 /* every reader takes any strides */
    const struct alt_gvalue *origin; /* the graph value whose logical content this is; for types and messages */
    const struct alt_layout *layout; /* NULL: plain row-major */
    const struct alt_tensor *known;  /* constants: logical content */
    const void *data;                /* constants: elements in the value's layout, aligned */
    struct alt_weight *weight;       /* constants: where `data` lies, one use; NULL: where `known` has it */
};

enum alt_step_kind { ALT_STEP_KERNEL, ALT_STEP_VIEW, ALT_STEP_HOST };

struct alt_step {
    enum alt_step_kind kind;
    const struct alt_node *node;     /* conversions and copies have a node made for them (Identity) */
    const struct alt_kernel *kernel; /* KERNEL; VIEW: used for shapes that cannot be viewed, may be NULL */
    int n_in, n_out;
    const int *in, *out; /* values; -1: omitted */
    bool convert;        /* changes layout or place only */
    const struct alt_node *const *region; /* nodes that the kernel stands for, in graph order; NULL: `node` alone */
    int n_region;
    struct alt_program *const *sub; /* [n_sub] of the node's subgraphs, owned by this program; NULL entry: one that cannot run
                                       (alt_graph.fault) */
    int n_sub;
    int flow; /* number of this step among those with subgraphs; its alt_inner in a context */
};

struct alt_program {
    struct alt_arena arena;
    struct alt_mem *mem;            /* borrowed: the session's */
    struct alt_weights *weights;    /* borrowed: the model's */
    const struct alt_graph *graph;  /* borrowed: the model's */
    struct alt_pvalue *value;
    int n_values;
    struct alt_step *step;
    int n_steps;
    int n_inputs, n_outputs;        /* inputs: those of the graph, then its captures */
    const int *input, *output;      /* value of each input and output */
    const int *reader_first, *reader; /* steps that read value v: reader[reader_first[v] .. reader_first[v + 1]), ascending */
    int id;                         /* unlike that of other programs of the tree; 0: the root, for the model's graph */
    int n_programs;                 /* root: programs in the tree, itself included; ids are below */
    int n_flows;                    /* steps with subgraphs */
    int max_operands;               /* of any step */
    size_t packed_bytes;            /* constants copied or laid out anew, for this program or others that share them */
    struct alt_kernel_owner *owner; /* of generated kernels; one reference each */
    int n_owners;
};

/* How values are laid out. */
enum alt_layout_policy {
    ALT_LAYOUT_PLAIN,  /* all row-major, each node a step */
    ALT_LAYOUT_BLOCKED /* channels in blocks through chains of operators that have such kernels, fused steps */
};

/* What to build from. All pointers are borrowed; graph, weights and mem must outlive the program. */
struct alt_program_spec {
    const struct alt_graph *graph;
    enum alt_layout_policy policy;     /* layouts of what default kernels compute */
    const struct alt_choices *choices; /* regions that a kernel of their own computes; NULL: none */
    struct alt_mem *mem;
    struct alt_weights *weights;       /* where constants are laid out */
    struct alt_crew crew;              /* who lays them out */
};

/* ALT_E_UNSUPPORTED naming every node that has no kernel, ALT_E_NOMEM. Free with alt_program_free. */
alt_status alt_program_build(const struct alt_program_spec *spec, struct alt_diag *diag, struct alt_program **out);
void alt_program_free(struct alt_program *program);

#endif
