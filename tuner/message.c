/* message.c: datagrams between host, worker and trial; see message.h. */
#include "tuner/message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char *alt_cause_name(enum alt_cause cause)
{
    static const char *const name[] = {
#define ALT_CAUSE_ROW(suffix, number, text) text,
        ALT_CAUSE_TABLE(ALT_CAUSE_ROW)
#undef ALT_CAUSE_ROW
    };
    return cause >= 0 && cause < ALT_CAUSE_COUNT ? name[cause] : "unknown";
}

const char *alt_counter_name(enum alt_counter counter)
{
    static const char *const name[] = {
#define ALT_COUNTER_ROW(suffix, text) text,
        ALT_COUNTER_TABLE(ALT_COUNTER_ROW)
#undef ALT_COUNTER_ROW
    };
    return counter >= 0 && counter < ALT_COUNTER_COUNT ? name[counter] : "unknown";
}

/* Length of each type's body. */
static size_t body_bytes(unsigned type)
{
    switch (type) {
    case ALT_MSG_HELLO:
        return sizeof(struct alt_msg_hello);
    case ALT_MSG_REGION:
        return sizeof(struct alt_msg_region);
    case ALT_MSG_CANDIDATE:
    case ALT_MSG_TIME:
        return sizeof(struct alt_msg_candidate);
    case ALT_MSG_CHECKED:
    case ALT_MSG_TIMED:
    case ALT_MSG_VARIANT:
    case ALT_MSG_FAILED:
        return sizeof(struct alt_msg_result);
    case ALT_MSG_FORGET:
    case ALT_MSG_BYE:
    case ALT_MSG_EXPLORED:
        return 0;
    default:
        return SIZE_MAX;
    }
}

/* Waits for the socket; ALT_E_BUSY when the time is over. */
static alt_status await(int socket, short events, int timeout_ms)
{
    struct pollfd p = {.fd = socket, .events = events};
    int n;
    do
        n = poll(&p, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return ALT_E_BUSY;
    return n > 0 && (p.revents & (events | POLLHUP)) ? ALT_OK : ALT_E_IO;
}

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

alt_status alt_msg_send(int socket, enum alt_msg_type type, uint32_t id, const void *body, size_t bytes, int fd,
                        int timeout_ms)
{
    struct alt_msg_header header = {ALT_MSG_MAGIC, ALT_MSG_VERSION, (uint16_t)type, (uint32_t)bytes, id};
    struct iovec part[2] = {{&header, sizeof header}, {(void *)(uintptr_t)body, bytes}};
    struct msghdr message = {.msg_iov = part, .msg_iovlen = bytes ? 2 : 1};
    union control control;
    if (bytes != body_bytes(type) || bytes > ALT_MSG_BODY)
        return ALT_E_ARGUMENT;
    if (fd >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    for (;;) {
        ssize_t n = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0)
            return (size_t)n == sizeof header + bytes ? ALT_OK : ALT_E_IO;
        if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
            return ALT_E_IO;
        if (errno != EINTR && await(socket, POLLOUT, timeout_ms) != ALT_OK)
            return ALT_E_IO;
    }
}

/* The descriptor that came with a message; others are closed. (What is called room for one has room for two: it is padded.) */
static int take_descriptor(struct msghdr *message)
{
    int kept = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = CMSG_LEN(0); at + sizeof kept <= c->cmsg_len; at += sizeof kept) {
            int fd;
            memcpy(&fd, (char *)c + at, sizeof fd);
            if (kept >= 0)
                close(fd);
            else
                kept = fd;
        }
    }
    return kept;
}

static void terminate(char *text, size_t size) { text[size - 1] = 0; }

/* Texts come from another process: they end where their field ends, whatever it sent. */
static void terminate_texts(unsigned type, void *body)
{
    struct alt_msg_hello *hello = body;
    struct alt_msg_region *region = body;
    struct alt_msg_candidate *candidate = body;
    struct alt_msg_result *result = body;
    switch (type) {
    case ALT_MSG_HELLO:
        terminate(hello->build, sizeof hello->build);
        terminate(hello->counters, sizeof hello->counters);
        terminate(hello->counters_why, sizeof hello->counters_why);
        break;
    case ALT_MSG_REGION:
        terminate(region->text, sizeof region->text);
        terminate(region->layouts, sizeof region->layouts);
        break;
    case ALT_MSG_CANDIDATE:
    case ALT_MSG_TIME:
        terminate(candidate->path, sizeof candidate->path);
        terminate(candidate->symbol, sizeof candidate->symbol);
        terminate(candidate->variant, sizeof candidate->variant);
        break;
    case ALT_MSG_CHECKED:
    case ALT_MSG_TIMED:
    case ALT_MSG_VARIANT:
    case ALT_MSG_FAILED:
        terminate(result->path, sizeof result->path);
        terminate(result->symbol, sizeof result->symbol);
        terminate(result->variant, sizeof result->variant);
        terminate(result->text, sizeof result->text);
        break;
    default:
        break;
    }
}

static bool well_formed(const struct alt_msg_header *h, ssize_t received)
{
    return received >= (ssize_t)sizeof *h && h->magic == ALT_MSG_MAGIC && h->version == ALT_MSG_VERSION &&
           h->bytes == body_bytes(h->type) && (size_t)received == sizeof *h + h->bytes;
}

alt_status alt_msg_receive(int socket, struct alt_msg_header *header, void *body, int *fd, int timeout_ms)
{
    struct iovec part[2] = {{header, sizeof *header}, {body, ALT_MSG_BODY}};
    union control control;
    struct msghdr message = {.msg_iov = part, .msg_iovlen = 2, .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t n;
    *fd = -1;
    alt_status status = await(socket, POLLIN, timeout_ms);
    if (status != ALT_OK)
        return status;
    do
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return ALT_E_IO;
    *fd = take_descriptor(&message);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || !well_formed(header, n)) {
        if (*fd >= 0)
            close(*fd);
        *fd = -1;
        return ALT_E_MALFORMED;
    }
    terminate_texts(header->type, body);
    return ALT_OK;
}
