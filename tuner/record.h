/* record.h: what tuning found out, kept across restarts: an SQLite file and a folder of kernels beside it.
 *
 * Layout: DIR/records.sqlite, DIR/kernels/<content hash>.so. DIR must belong to the user and be writable by nobody else (nor may any of it
 * be a link elsewhere); otherwise it is not used. Many processes at once share it. A file that is broken or of another format
 * is set aside (renamed) and a new one begun. Everything that does not match (CPU, compiler, ABI, ISA flags, threads) is a miss
 * with a reason, never an error; a full disk or a lock held too long is a miss, too.
 */
#ifndef ALT_TUNER_RECORD_H
#define ALT_TUNER_RECORD_H

#include <alt/base.h>

struct alt_records; /* one thread at a time */

/* What a measurement depends on beside the region. Texts are borrowed. */
struct alt_record_key {
    const char *region;   /* descriptor, canonical */
    const char *isa;      /* level and flags that kernels were compiled for */
    const char *compiler; /* name and version */
    uint32_t kernel_abi, nest_format;
    const char *cpu;      /* vendor, family, model, cache sizes */
    uint32_t threads;
};

struct alt_record {
    char variant[512];
    char symbol[64];
    uint64_t tag;
    char path[4096];     /* absolute path of the kernel */
    double default_us, candidate_us, ratio, ratio_low, ratio_high, noise;
    uint32_t pairs;
    bool exact;
    double counter[8];
    bool adopted;        /* part of the plan that won on real runs */
};

/* `dir` NULL: the user's cache folder ($XDG_CACHE_HOME/alt or ~/.cache/alt), made when absent with mode 0700. ALT_E_IO with the reason in `why`
 * (of `why_size` bytes, always terminated). */
alt_status alt_records_open(const char *dir, struct alt_records **out, char *why, size_t why_size) ALT_MUST_USE;
void alt_records_close(struct alt_records *records);
/* The best variant remembered for a key; `adopted_only`: that won on real runs. *found false and a reason in `why` on a miss. A kernel
 * file that is gone, or is not its content hash any more, is a miss. ALT_E_NOMEM, ALT_E_IO. */
alt_status alt_records_find(struct alt_records *records, const struct alt_record_key *key, bool adopted_only,
                            struct alt_record *out, bool *found, char *why, size_t why_size) ALT_MUST_USE;
/* Remembers a measured variant: copies the file at record->path into the kernel folder (unless it lies there) and sets
 * record->path to the copy. ALT_E_IO (full disk), ALT_E_BUSY (another process holds the file too long). */
alt_status alt_records_add(struct alt_records *records, const struct alt_record_key *key,
                           struct alt_record *record) ALT_MUST_USE;
/* Marks what the winning plan uses of a region (NULL: the default kernels); unmarks the region's others. */
alt_status alt_records_adopt(struct alt_records *records, const struct alt_record_key *key, const char *variant) ALT_MUST_USE;
/* Remembers that a kernel failed in real use, so that it is never loaded again. */
alt_status alt_records_ban(struct alt_records *records, uint64_t tag, const char *reason) ALT_MUST_USE;

#endif
