/* message.h: what host, worker and trial say to each other.
 *
 * Two conversations over SOCK_SEQPACKET socket pairs, one datagram a message: host and worker, worker and trial. A message is
 * a fixed header and a body of at most ALT_MSG_BODY bytes; a descriptor may travel with it (SCM_RIGHTS). Both sides check
 * magic, protocol version, type, and the length that the type wants, and treat what does not fit as a broken peer: the
 * conversation ends, the process at the other end is counted as lost. End of file is the sign to exit.
 *
 *   host -> worker     HELLO, REGION (what to explore), FORGET, BYE
 *   worker -> host     HELLO, VARIANT (a measured one), FAILED (one that is not, and why), EXPLORED
 *   worker -> trial    HELLO, REGION, CANDIDATE (an object file to check), TIME, BYE
 *   trial -> worker    HELLO, CHECKED, TIMED, FAILED
 *
 * Timing needs no message: host and trial share a page (runtime/slot.h), a file whose descriptor travels with HELLO, through which
 * slots are opened and closed.
 */
#ifndef ALT_TUNER_MESSAGE_H
#define ALT_TUNER_MESSAGE_H

#include <alt/base.h>

#include "runtime/slot.h"

#define ALT_MSG_MAGIC 0x4d746c61u /* "altM" */
#define ALT_MSG_VERSION 1
#define ALT_MSG_BODY 16384

/* suffix, number, name */
#define ALT_MSG_TABLE(X) \
    X(HELLO, 1, "hello") \
    X(REGION, 2, "region") \
    X(FORGET, 3, "forget") \
    X(BYE, 4, "bye") \
    X(CANDIDATE, 5, "candidate") \
    X(CHECKED, 6, "checked") \
    X(TIME, 7, "time") \
    X(TIMED, 8, "timed") \
    X(VARIANT, 9, "variant") \
    X(FAILED, 10, "failed") \
    X(EXPLORED, 11, "explored")

enum alt_msg_type {
#define ALT_MSG_ROW(suffix, number, name) ALT_MSG_##suffix = number,
    ALT_MSG_TABLE(ALT_MSG_ROW)
#undef ALT_MSG_ROW
};

/* Why a variant came to nothing; also the names in alt_run's `trials_failed`. */
#define ALT_CAUSE_TABLE(X) \
    X(NONE, 0, "none") \
    X(COMPILE, 1, "compile")   /* the compiler, assembler or linker refused or failed */ \
    X(LOAD, 2, "load")         /* the object file could not be loaded, or is not what it should be */ \
    X(CRASH, 3, "crash")       /* a signal while it ran */ \
    X(HANG, 4, "hang")         /* did not end in time */ \
    X(WRONG, 5, "wrong")       /* another answer than the default kernels', or a write outside its outputs */ \
    X(SYSTEM, 6, "system")     /* no memory, no file space, no process */ \
    X(LOST, 7, "lost")         /* the process that worked on it went away */

enum alt_cause {
#define ALT_CAUSE_ROW(suffix, number, name) ALT_CAUSE_##suffix = number,
    ALT_CAUSE_TABLE(ALT_CAUSE_ROW)
#undef ALT_CAUSE_ROW
    ALT_CAUSE_COUNT
};
const char *alt_cause_name(enum alt_cause cause); /* "unknown" outside the table */

/* What is counted beside time: suffix, name in reports. Order is part of the protocol and of records. */
#define ALT_COUNTER_TABLE(X) \
    X(CYCLES, "cycles") \
    X(INSTRUCTIONS, "instructions") \
    X(L1_MISSES, "l1 misses") \
    X(L2_MISSES, "l2 misses") \
    X(L3_MISSES, "l3 misses") \
    X(TLB_MISSES, "tlb misses") \
    X(STALLS, "stalled cycles") \
    X(CPU_TIME, "cpu time") /* by software: the kernel's clock of the thread */

enum alt_counter {
#define ALT_COUNTER_ROW(suffix, name) ALT_COUNTER_##suffix,
    ALT_COUNTER_TABLE(ALT_COUNTER_ROW)
#undef ALT_COUNTER_ROW
    ALT_COUNTER_COUNT
};
const char *alt_counter_name(enum alt_counter counter); /* "unknown" outside the table */

struct alt_msg_header {
    uint32_t magic;
    uint16_t version, type;
    uint32_t bytes; /* of the body */
    uint32_t id;    /* region the message is about; 0: none */
};

/* HELLO: both ends say what they are made of; any difference ends the conversation. */
struct alt_msg_hello {
    uint32_t kernel_abi, nest_format;
    char build[48];                       /* version of alt */
    char counters[16], counters_why[128]; /* from the trial: "hardware", "software" or "none", and why not better */
};

/* REGION (+ descriptor in `text`): what to explore or to time against. `budget_ms`: wall time to spend on it. */
struct alt_msg_region {
    uint32_t budget_ms;
    uint32_t threads;
    uint64_t seed;      /* of the data that candidates are checked and timed on */
    char text[1024];    /* jit/desc.h, terminated */
    char layouts[1024]; /* how the region's neighbours want its operands now: variant text of the default, terminated; "": plain */
};

/* CANDIDATE: the path of an object file and what it is. */
struct alt_msg_candidate {
    uint64_t tag;        /* build tag that the file must carry */
    char path[512], symbol[64];
    char variant[512];   /* canonical text */
};

/* CHECKED, TIMED, VARIANT, FAILED: what came of it. */
struct alt_msg_result {
    uint64_t tag;
    uint32_t cause;      /* enum alt_cause; NONE for CHECKED, TIMED, VARIANT */
    uint32_t signal;     /* CRASH */
    double default_us, candidate_us; /* medians */
    double ratio;        /* default / candidate, median of pairs */
    double ratio_low, ratio_high;    /* 95 % confidence */
    double noise;        /* spread of default against default */
    uint32_t pairs;
    uint32_t exact;      /* 1: the same bits as the default on all inputs tried */
    double max_error;    /* relative to the output's scale */
    double counter[ALT_COUNTER_COUNT]; /* candidate / default, by enum alt_counter; NaN: not counted */
    char path[512], symbol[64];
    char variant[512];
    char text[512];      /* FAILED: the tail of what the tool said */
};

/* Sends one message, with a descriptor unless fd is -1; MSG_NOSIGNAL. Waits at most `timeout_ms` for room. ALT_E_IO when the
 * peer is gone or does not listen, ALT_E_ARGUMENT when the body is too large. */
alt_status alt_msg_send(int socket, enum alt_msg_type type, uint32_t id, const void *body, size_t bytes, int fd,
                        int timeout_ms) ALT_MUST_USE;
/* Receives one into `body` (ALT_MSG_BODY bytes). *fd: a descriptor that came with it (close-on-exec), or -1. ALT_E_BUSY when
 * nothing came within `timeout_ms` (-1: wait), ALT_E_IO at end of file, ALT_E_MALFORMED for what is no message of this version
 * or has not the length of its type (a descriptor that came is closed). Texts in bodies are terminated by the receiver. */
alt_status alt_msg_receive(int socket, struct alt_msg_header *header, void *body, int *fd, int timeout_ms) ALT_MUST_USE;

#endif
