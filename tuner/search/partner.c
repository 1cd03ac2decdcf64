/* partner.c: see partner.h. */
#include "tuner/search/partner.h"

#include "runtime/error.h"
#include "tuner/search/host.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SEND_MS = 2000,
    HELLO_MS = 10000,
    CHECK_MS = 20000, /* the trial itself ends a first run after half of this */
    TIME_MS = 50000,  /* with the wait for a slot; below the host's patience with the worker */
    SLICE_MS = 100
};

/* The next message, or why there is none: ALT_E_BUSY too late, ALT_E_CANCELLED host gone, ALT_E_IO trial gone. */
static alt_status await(struct partner *p, struct alt_msg_header *header, void *body, int limit_ms)
{
    double begin = host_now_ms();
    while (host_now_ms() - begin < limit_ms) {
        enum waited w = host_wait(p->host, p->child.socket, SLICE_MS);
        if (w == WAITED_HOST_GONE)
            return ALT_E_CANCELLED;
        alt_child_errors(&p->child, p->errors, sizeof p->errors); /* or a full pipe would stop it */
        if (w == WAITED_TIME)
            continue;
        int fd;
        alt_status status = alt_msg_receive(p->child.socket, header, body, &fd, 0);
        if (fd >= 0)
            close(fd);
        if (status != ALT_E_BUSY)
            return status;
    }
    return ALT_E_BUSY;
}

static alt_status greet(struct partner *p)
{
    struct alt_msg_header header;
    _Alignas(16) char body[ALT_MSG_BODY];
    ALT_CHECK(alt_msg_send(p->child.socket, ALT_MSG_HELLO, 0, &p->hello, sizeof p->hello, p->slots, SEND_MS));
    ALT_CHECK(await(p, &header, body, HELLO_MS));
    if (header.type != ALT_MSG_HELLO)
        return ALT_E_MALFORMED;
    memcpy(&p->theirs, body, sizeof p->theirs);
    if (!p->id)
        return ALT_OK;
    return alt_msg_send(p->child.socket, ALT_MSG_REGION, p->id, &p->region, sizeof p->region, -1, SEND_MS);
}

alt_status partner_start(struct partner *p)
{
    p->errors[0] = 0;
    alt_status status = alt_child_start(&p->child, p->path, NULL);
    if (status == ALT_OK)
        status = greet(p);
    if (status != ALT_OK)
        partner_stop(p);
    return status;
}

void partner_stop(struct partner *p)
{
    alt_child_errors(&p->child, p->errors, sizeof p->errors);
    alt_child_stop(&p->child, 0);
}

void partner_region(struct partner *p, uint32_t id, const struct alt_msg_region *region)
{
    p->id = id;
    p->region = *region;
    if (p->child.pid &&
        alt_msg_send(p->child.socket, ALT_MSG_REGION, id, region, sizeof *region, -1, SEND_MS) != ALT_OK)
        partner_stop(p); /* the next question starts it anew */
}

/* Sends the question, to a new process where the old one is gone. */
static alt_status put(struct partner *p, enum alt_msg_type type, const struct alt_msg_candidate *c)
{
    if (p->child.pid && alt_msg_send(p->child.socket, type, p->id, c, sizeof *c, -1, SEND_MS) == ALT_OK)
        return ALT_OK;
    partner_stop(p);
    if (partner_start(p) != ALT_OK) /* it may have been ended by chance before it said a word */
        ALT_CHECK(partner_start(p));
    return alt_msg_send(p->child.socket, type, p->id, c, sizeof *c, -1, SEND_MS);
}

/* The end of a process that owed an answer. */
static void explain_loss(struct partner *p, struct alt_msg_result *r)
{
    int status = -1;
    for (int i = 0; i < 100 && !alt_child_ended(&p->child, &status); i++)
        usleep(1000);
    partner_stop(p);
    bool crashed = status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL;
    r->cause = crashed ? ALT_CAUSE_CRASH : ALT_CAUSE_LOST;
    r->signal = crashed ? (uint32_t)WTERMSIG(status) : 0;
    snprintf(r->text, sizeof r->text, "%s %.400s", crashed ? "the trial crashed" : "the trial went away", p->errors);
}

bool partner_ask(struct partner *p, enum alt_msg_type type, const struct alt_msg_candidate *c, struct alt_msg_result *r)
{
    struct alt_msg_header header;
    _Alignas(16) char body[ALT_MSG_BODY];
    enum alt_msg_type wanted = type == ALT_MSG_TIME ? ALT_MSG_TIMED : ALT_MSG_CHECKED;
    int limit = type == ALT_MSG_TIME ? TIME_MS : CHECK_MS;
    *r = (struct alt_msg_result){.tag = c->tag, .cause = ALT_CAUSE_SYSTEM};
    memcpy(r->variant, c->variant, sizeof r->variant);
    alt_status status = put(p, type, c);
    if (status != ALT_OK) {
        snprintf(r->text, sizeof r->text, "%s cannot be started: %s %.300s", p->path, alt_status_text(status),
                 p->errors);
        return status != ALT_E_CANCELLED;
    }
    status = await(p, &header, body, limit);
    if (status == ALT_E_CANCELLED)
        return false;
    if (status == ALT_E_BUSY) {
        r->cause = ALT_CAUSE_HANG;
        snprintf(r->text, sizeof r->text, "no answer within %d s", limit / 1000);
        partner_stop(p);
    } else if (status == ALT_OK && header.id == p->id && (header.type == wanted || header.type == ALT_MSG_FAILED)) {
        memcpy(r, body, sizeof *r);
        r->cause = header.type == wanted ? ALT_CAUSE_NONE : r->cause ? r->cause : ALT_CAUSE_LOST;
    } else {
        explain_loss(p, r);
    }
    return true;
}
