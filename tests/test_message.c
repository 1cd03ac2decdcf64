/* test_message.c: datagrams between processes: what is sent arrives, what is no message is refused, descriptors do not leak. */
#include "tests/cmocka_all.h"
#include "tuner/message.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
    int end[2];
    _Alignas(16) char body[ALT_MSG_BODY];
    int descriptors; /* open when the test began */
};

static int count_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 512; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static int open_pair(void **state)
{
    struct pair *p = calloc(1, sizeof *p);
    *state = p;
    if (!p || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->end) != 0)
        return -1;
    p->descriptors = count_descriptors();
    return 0;
}

static int close_pair(void **state)
{
    struct pair *p = *state;
    close(p->end[0]);
    close(p->end[1]);
    free(p);
    return 0;
}

/* Length of each type's body, as the header documents it. */
static const struct {
    enum alt_msg_type type;
    size_t bytes;
} forms[] = {
    {ALT_MSG_HELLO, sizeof(struct alt_msg_hello)},
    {ALT_MSG_REGION, sizeof(struct alt_msg_region)},
    {ALT_MSG_FORGET, 0},
    {ALT_MSG_BYE, 0},
    {ALT_MSG_CANDIDATE, sizeof(struct alt_msg_candidate)},
    {ALT_MSG_CHECKED, sizeof(struct alt_msg_result)},
    {ALT_MSG_TIME, sizeof(struct alt_msg_candidate)},
    {ALT_MSG_TIMED, sizeof(struct alt_msg_result)},
    {ALT_MSG_VARIANT, sizeof(struct alt_msg_result)},
    {ALT_MSG_FAILED, sizeof(struct alt_msg_result)},
    {ALT_MSG_EXPLORED, 0},
};
enum { FORMS = sizeof forms / sizeof *forms };

static void every_type_arrives_as_it_was_sent(void **state)
{
    struct pair *p = *state;
    for (int i = 0; i < FORMS; i++) {
        struct alt_msg_header header;
        char sent[ALT_MSG_BODY];
        int fd;
        memset(sent, 0, sizeof sent);
        memset(sent, 'a' + i, forms[i].bytes ? forms[i].bytes / 4 : 0); /* texts at the end stay terminated */
        assert_int_equal(alt_msg_send(p->end[0], forms[i].type, (uint32_t)(100 + i), sent, forms[i].bytes, -1, 100),
                         ALT_OK);
        assert_int_equal(alt_msg_receive(p->end[1], &header, p->body, &fd, 100), ALT_OK);
        assert_int_equal(header.type, forms[i].type);
        assert_int_equal(header.id, 100 + i);
        assert_int_equal(header.bytes, forms[i].bytes);
        assert_int_equal(fd, -1);
        if (forms[i].type == ALT_MSG_REGION) /* two texts: the first ends where its field ends */
            ((struct alt_msg_region *)(void *)sent)->text[1023] = 0;
        assert_memory_equal(sent, p->body, forms[i].bytes);
    }
}

static void texts_end_in_their_field(void **state)
{
    struct pair *p = *state;
    struct alt_msg_header header;
    struct alt_msg_result sent;
    const struct alt_msg_result *got = (const void *)p->body;
    int fd;
    memset(&sent, 'x', sizeof sent);
    assert_int_equal(alt_msg_send(p->end[0], ALT_MSG_FAILED, 1, &sent, sizeof sent, -1, 100), ALT_OK);
    assert_int_equal(alt_msg_receive(p->end[1], &header, p->body, &fd, 100), ALT_OK);
    assert_int_equal(strlen(got->path), sizeof got->path - 1);
    assert_int_equal(strlen(got->symbol), sizeof got->symbol - 1);
    assert_int_equal(strlen(got->variant), sizeof got->variant - 1);
    assert_int_equal(strlen(got->text), sizeof got->text - 1);
}

static void wrong_lengths_are_not_sent(void **state)
{
    struct pair *p = *state;
    struct alt_msg_header header;
    char body[ALT_MSG_BODY + 1] = {0};
    int fd;
    for (int i = 0; i < FORMS; i++) {
        assert_int_equal(alt_msg_send(p->end[0], forms[i].type, 1, body, forms[i].bytes + 1, -1, 10), ALT_E_ARGUMENT);
        if (forms[i].bytes)
            assert_int_equal(alt_msg_send(p->end[0], forms[i].type, 1, body, 0, -1, 10), ALT_E_ARGUMENT);
    }
    assert_int_equal(alt_msg_send(p->end[0], (enum alt_msg_type)77, 1, body, 0, -1, 10), ALT_E_ARGUMENT);
    assert_int_equal(alt_msg_receive(p->end[1], &header, p->body, &fd, 0), ALT_E_BUSY);
}

/* Sends raw bytes, with `n_fds` descriptors. */
static void send_raw(int socket, const void *bytes, size_t size, int n_fds)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(4 * sizeof(int))];
    } control;
    struct iovec part = {(void *)(uintptr_t)bytes, size};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    int fds[4] = {0, 0, 0, 0};
    if (n_fds) {
        memset(&control, 0, sizeof control);
        m.msg_control = control.space;
        m.msg_controllen = CMSG_SPACE((size_t)n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, (size_t)n_fds * sizeof(int));
    }
    assert_int_equal(sendmsg(socket, &m, 0), (ssize_t)size);
}

static void what_is_no_message_is_refused(void **state)
{
    struct pair *p = *state;
    const struct alt_msg_header good = {ALT_MSG_MAGIC, ALT_MSG_VERSION, ALT_MSG_HELLO, sizeof(struct alt_msg_hello), 0};
    struct alt_msg_header header, bad[6];
    char whole[sizeof good + ALT_MSG_BODY + 64] = {0};
    int fd;
    for (int i = 0; i < 6; i++)
        bad[i] = good;
    bad[0].magic++;
    bad[1].version++;
    bad[2].type = 12;
    bad[3].type = 0;
    bad[4].bytes++;
    bad[5].type = ALT_MSG_BYE;
    for (int i = 0; i < 6; i++) {
        memcpy(whole, &bad[i], sizeof good);
        send_raw(p->end[0], whole, sizeof good + good.bytes, 1);
        assert_int_equal(alt_msg_receive(p->end[1], &header, p->body, &fd, 100), ALT_E_MALFORMED);
        assert_int_equal(fd, -1);
    }
    memcpy(whole, &good, sizeof good);
    const size_t lengths[] = {
        1, sizeof good - 1, sizeof good, sizeof good + good.bytes - 1, sizeof good + good.bytes + 1, sizeof whole};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        send_raw(p->end[0], whole, lengths[i], 1);
        assert_int_equal(alt_msg_receive(p->end[1], &header, p->body, &fd, 100), ALT_E_MALFORMED);
        assert_int_equal(fd, -1);
    }
    assert_int_equal(count_descriptors(), p->descriptors);
    send_raw(p->end[0], whole, sizeof good + good.bytes, 0); /* and the conversation itself still works */
    assert_int_equal(alt_msg_receive(p->end[1], &header, p->body, &fd, 100), ALT_OK);
}

static void random_bytes_are_refused(void **state)
{
    struct pair *p = *state;
    struct alt_msg_header header;
    char bytes[256];
    int fd;
    unsigned seed = 1;
    for (int i = 0; i < 2000; i++) {
        size_t n = 1 + (size_t)(seed % sizeof bytes);
        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)((seed = seed * 1664525u + 1013904223u) >> 24);
        send_raw(p->end[0], bytes, n, 0);
        assert_int_equal(alt_msg_receive(p->end[1], &header, p->body, &fd, 100), ALT_E_MALFORMED);
    }
}

static void a_descriptor_travels_and_is_close_on_exec(void **state)
{
    struct pair *p = *state;
    struct alt_msg_header header;
    struct alt_msg_hello hello = {.kernel_abi = 1};
    int tube[2], fd;
    char c = 0;
    assert_int_equal(pipe2(tube, O_CLOEXEC), 0);
    assert_int_equal(alt_msg_send(p->end[0], ALT_MSG_HELLO, 0, &hello, sizeof hello, tube[1], 100), ALT_OK);
    close(tube[1]);
    assert_int_equal(alt_msg_receive(p->end[1], &header, p->body, &fd, 100), ALT_OK);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(read(tube[0], &c, 1), 1);
    assert_int_equal(c, 'x');
    close(fd);
    close(tube[0]);
    assert_int_equal(count_descriptors(), p->descriptors);
}

static void too_many_descriptors_are_closed(void **state)
{
    struct pair *p = *state;
    const struct alt_msg_header good = {ALT_MSG_MAGIC, ALT_MSG_VERSION, ALT_MSG_BYE, 0, 0};
    struct alt_msg_header header;
    for (int n = 2; n <= 4; n++) {
        int fd;
        send_raw(p->end[0], &good, sizeof good, n);
        alt_status status = alt_msg_receive(p->end[1], &header, p->body, &fd, 100);
        assert_true(status == ALT_OK || status == ALT_E_MALFORMED);
        if (fd >= 0)
            close(fd);
        assert_int_equal(count_descriptors(), p->descriptors);
    }
}

static void silence_end_and_deafness_are_told_apart(void **state)
{
    struct pair *p = *state;
    struct alt_msg_header header;
    struct alt_msg_result body = {.tag = 1};
    int fd;
    assert_int_equal(alt_msg_receive(p->end[1], &header, p->body, &fd, 0), ALT_E_BUSY);
    assert_int_equal(alt_msg_receive(p->end[1], &header, p->body, &fd, 5), ALT_E_BUSY);
    alt_status status = ALT_OK;
    for (int i = 0; i < 10000 && status == ALT_OK; i++) /* a peer that does not listen */
        status = alt_msg_send(p->end[0], ALT_MSG_TIMED, 1, &body, sizeof body, -1, 5);
    assert_int_equal(status, ALT_E_IO);
    close(p->end[0]);
    p->end[0] = -1;
    do /* what was sent before the end still arrives */
        status = alt_msg_receive(p->end[1], &header, p->body, &fd, 100);
    while (status == ALT_OK);
    assert_int_equal(status, ALT_E_IO);
    assert_int_equal(alt_msg_send(p->end[1], ALT_MSG_BYE, 0, NULL, 0, -1, 5), ALT_E_IO); /* and no SIGPIPE */
}

static void names_cover_their_tables(void **state)
{
    (void)state;
    assert_string_equal(alt_cause_name(ALT_CAUSE_NONE), "none");
    assert_string_equal(alt_cause_name(ALT_CAUSE_LOST), "lost");
    assert_string_equal(alt_cause_name(ALT_CAUSE_COUNT), "unknown");
    assert_string_equal(alt_counter_name(ALT_COUNTER_CYCLES), "cycles");
    assert_string_equal(alt_counter_name(ALT_COUNTER_COUNT), "unknown");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_pair, close_pair)
    const struct CMUnitTest tests[] = {
        TEST(every_type_arrives_as_it_was_sent),
        TEST(texts_end_in_their_field),
        TEST(wrong_lengths_are_not_sent),
        TEST(what_is_no_message_is_refused),
        TEST(random_bytes_are_refused),
        TEST(a_descriptor_travels_and_is_close_on_exec),
        TEST(too_many_descriptors_are_closed),
        TEST(silence_end_and_deafness_are_told_apart),
        cmocka_unit_test(names_cover_their_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
