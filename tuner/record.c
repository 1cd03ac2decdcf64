/* record.c: records in SQLite. One table of measured variants, one of banned build tags. The database is opened with a busy
 * timeout short enough that no run of the host ever feels it: only the tuner's thread waits. */
#include "tuner/record.h"

#include "tuner/folder.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FORMAT = 1, BUSY_MS = 500 };

struct alt_records {
    char folder[4096];
    sqlite3 *db;
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS variant(region TEXT, isa TEXT, compiler TEXT, abi INT, nest INT, cpu TEXT, threads INT,"
    " variant TEXT, symbol TEXT, tag INT, file TEXT, default_us REAL, candidate_us REAL, ratio REAL, low REAL, high REAL,"
    " noise REAL, pairs INT, exact INT, counters BLOB, adopted INT DEFAULT 0,"
    " PRIMARY KEY(region, isa, compiler, abi, nest, cpu, threads, variant));"
    "CREATE TABLE IF NOT EXISTS banned(tag INTEGER PRIMARY KEY, reason TEXT);"
    "PRAGMA user_version=1;";

#define KEY_IS "region=?1 AND isa=?2 AND compiler=?3 AND abi=?4 AND nest=?5 AND cpu=?6 AND threads=?7"

static alt_status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ALT_OK;
    case SQLITE_NOMEM:
        return ALT_E_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ALT_E_BUSY;
    default:
        return ALT_E_IO;
    }
}

static int user_version(sqlite3 *db)
{
    sqlite3_stmt *s = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        version = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return version;
}

/* Opens or makes the database; *foreign: the file is there but is no database of this format. */
static alt_status open_database(const char *path, sqlite3 **out, bool *foreign)
{
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    *foreign = false;
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(db, BUSY_MS);
        int version = user_version(db);
        *foreign = version != 0 && version != FORMAT;
        code = version < 0 ? sqlite3_errcode(db) : *foreign ? SQLITE_CORRUPT : sqlite3_exec(db, schema, NULL, NULL, NULL);
        *foreign |= (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
    }
    if (code == SQLITE_OK) {
        *out = db;
        return ALT_OK;
    }
    sqlite3_close(db);
    return status_of(code);
}

static alt_status open_or_renew(struct alt_records *r, char *why, size_t why_size)
{
    char path[4200], aside[4300];
    bool foreign;
    snprintf(path, sizeof path, "%s/records.sqlite", r->folder);
    alt_status status = open_database(path, &r->db, &foreign);
    if (status != ALT_OK && foreign) {
        snprintf(aside, sizeof aside, "%s.aside-%ld", path, (long)getpid());
        if (rename(path, aside) == 0)
            status = open_database(path, &r->db, &foreign);
    }
    if (status != ALT_OK)
        snprintf(why, why_size, "%s cannot be used: %s", path, alt_status_text(status));
    return status;
}

alt_status alt_records_open(const char *dir, struct alt_records **out, char *why, size_t why_size)
{
    struct alt_records *r = calloc(1, sizeof *r);
    snprintf(why, why_size, "%s", r ? "" : "no memory");
    if (!r)
        return ALT_E_NOMEM;
    alt_status status = alt_folder_open(dir, r->folder, sizeof r->folder, why, why_size);
    if (status == ALT_OK)
        status = open_or_renew(r, why, why_size);
    if (status != ALT_OK)
        free(r);
    else
        *out = r;
    return status;
}

void alt_records_close(struct alt_records *records)
{
    if (!records)
        return;
    sqlite3_close(records->db);
    free(records);
}

static int bind_key(sqlite3_stmt *s, const struct alt_record_key *key)
{
    int code = sqlite3_bind_text(s, 1, key->region, -1, SQLITE_STATIC);
    code |= sqlite3_bind_text(s, 2, key->isa, -1, SQLITE_STATIC);
    code |= sqlite3_bind_text(s, 3, key->compiler, -1, SQLITE_STATIC);
    code |= sqlite3_bind_int64(s, 4, key->kernel_abi);
    code |= sqlite3_bind_int64(s, 5, key->nest_format);
    code |= sqlite3_bind_text(s, 6, key->cpu, -1, SQLITE_STATIC);
    code |= sqlite3_bind_int64(s, 7, key->threads);
    return code;
}

static void copy_text(sqlite3_stmt *s, int column, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(s, column);
    snprintf(out, size, "%s", text ? (const char *)text : "");
}

static void read_row(const struct alt_records *r, sqlite3_stmt *s, struct alt_record *out)
{
    char file[256];
    *out = (struct alt_record){.tag = (uint64_t)sqlite3_column_int64(s, 2)};
    copy_text(s, 0, out->variant, sizeof out->variant);
    copy_text(s, 1, out->symbol, sizeof out->symbol);
    copy_text(s, 3, file, sizeof file);
    alt_folder_path(r->folder, file, out->path, sizeof out->path);
    out->default_us = sqlite3_column_double(s, 4);
    out->candidate_us = sqlite3_column_double(s, 5);
    out->ratio = sqlite3_column_double(s, 6);
    out->ratio_low = sqlite3_column_double(s, 7);
    out->ratio_high = sqlite3_column_double(s, 8);
    out->noise = sqlite3_column_double(s, 9);
    out->pairs = (uint32_t)sqlite3_column_int64(s, 10);
    out->exact = sqlite3_column_int(s, 11) != 0;
    for (int i = 0; i < 8; i++)
        out->counter[i] = NAN;
    if (sqlite3_column_bytes(s, 12) == (int)sizeof out->counter)
        memcpy(out->counter, sqlite3_column_blob(s, 12), sizeof out->counter);
    out->adopted = sqlite3_column_int(s, 13) != 0;
}

alt_status alt_records_find(struct alt_records *records, const struct alt_record_key *key, bool adopted_only,
                            struct alt_record *out, bool *found, char *why, size_t why_size)
{
    static const char sql[] =
        "SELECT variant, symbol, tag, file, default_us, candidate_us, ratio, low, high, noise, pairs, exact, counters, adopted "
        "FROM variant WHERE " KEY_IS " AND adopted>=?8 AND tag NOT IN (SELECT tag FROM banned) ORDER BY adopted DESC, low DESC";
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(records->db, sql, -1, &s, NULL);
    *found = false;
    snprintf(why, why_size, "nothing is remembered of %s on this machine", key->region);
    if (code == SQLITE_OK)
        code = bind_key(s, key) | sqlite3_bind_int(s, 8, adopted_only);
    while (code == SQLITE_OK && !*found && (code = sqlite3_step(s)) == SQLITE_ROW) {
        read_row(records, s, out);
        *found = alt_folder_intact(out->path, why, why_size);
        code = SQLITE_OK;
    }
    sqlite3_finalize(s);
    return status_of(code);
}

static alt_status insert(struct alt_records *records, const struct alt_record_key *key, const struct alt_record *r)
{
    static const char sql[] =
        "INSERT INTO variant VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,0) "
        "ON CONFLICT DO UPDATE SET symbol=?9, tag=?10, file=?11, default_us=?12, candidate_us=?13, ratio=?14, low=?15, "
        "high=?16, noise=?17, pairs=?18, exact=?19, counters=?20";
    sqlite3_stmt *s = NULL;
    const char *slash = strrchr(r->path, '/');
    int code = sqlite3_prepare_v2(records->db, sql, -1, &s, NULL);
    if (code == SQLITE_OK) {
        code = bind_key(s, key);
        code |= sqlite3_bind_text(s, 8, r->variant, -1, SQLITE_STATIC);
        code |= sqlite3_bind_text(s, 9, r->symbol, -1, SQLITE_STATIC);
        code |= sqlite3_bind_int64(s, 10, (sqlite3_int64)r->tag);
        code |= sqlite3_bind_text(s, 11, slash ? slash + 1 : r->path, -1, SQLITE_STATIC);
        const double numbers[] = {r->default_us, r->candidate_us, r->ratio, r->ratio_low, r->ratio_high, r->noise};
        for (int i = 0; i < 6; i++)
            code |= sqlite3_bind_double(s, 12 + i, numbers[i]);
        code |= sqlite3_bind_int64(s, 18, r->pairs);
        code |= sqlite3_bind_int(s, 19, r->exact);
        code |= sqlite3_bind_blob(s, 20, r->counter, (int)sizeof r->counter, SQLITE_STATIC);
        if (code == SQLITE_OK)
            code = sqlite3_step(s);
    }
    sqlite3_finalize(s);
    return status_of(code);
}

alt_status alt_records_add(struct alt_records *records, const struct alt_record_key *key, struct alt_record *record)
{
    char kept[sizeof record->path];
    alt_status status = alt_folder_keep(records->folder, record->path, kept, sizeof kept);
    if (status != ALT_OK)
        return status;
    memcpy(record->path, kept, sizeof kept);
    return insert(records, key, record);
}

alt_status alt_records_adopt(struct alt_records *records, const struct alt_record_key *key, const char *variant)
{
    static const char sql[] = "UPDATE variant SET adopted = (variant IS ?8) WHERE " KEY_IS;
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(records->db, sql, -1, &s, NULL);
    if (code == SQLITE_OK)
        code = bind_key(s, key) | sqlite3_bind_text(s, 8, variant, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    sqlite3_finalize(s);
    return status_of(code);
}

alt_status alt_records_ban(struct alt_records *records, uint64_t tag, const char *reason)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(records->db, "INSERT OR REPLACE INTO banned VALUES(?1,?2)", -1, &s, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int64(s, 1, (sqlite3_int64)tag) | sqlite3_bind_text(s, 2, reason, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    sqlite3_finalize(s);
    return status_of(code);
}
