/* A light SMTP sink: takes every letter and throws it away, so that what is measured is the sender.
 *
 *   cc -O2 -o sink sink.c && ./sink PORT [LETTERS]
 *
 * One thread, epoll, PIPELINING. It says "ready" on standard output, and on SIGTERM how many letters and octets it
 * took. With a file LETTERS, it writes a line `recipient <Message-ID>` for each letter, before it answers 250.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 256 * 1024, ANSWERS = 8192, HEADER = 4096 };

struct session {
    int fd, in_content;
    size_t used, answered, header_used;
    char recipient[512], header[HEADER + 1], answers[ANSWERS], octets[ROOM];
};

static volatile sig_atomic_t stopping;
static unsigned long long letters, taken;
static FILE *kept;

static void stop(int number) { (void)number; stopping = 1; }

static void answer(struct session *s, const char *text) {
    size_t length = strlen(text);
    if (s->answered + length <= ANSWERS) {
        memcpy(s->answers + s->answered, text, length);
        s->answered += length;
    }
}

static void keep_letter(struct session *s) {
    s->header[s->header_used] = 0;
    char *id = strcasestr(s->header, "\nmessage-id:");
    char *begin = id ? strchr(id, '<') : NULL;
    char *end = begin ? strchr(begin, '>') : NULL;
    if (end) end[1] = 0;
    fprintf(kept, "%s %s\n", s->recipient, end ? begin : "-");
    fflush(kept);
}

static void take_header(struct session *s, const char *octets, size_t length) {
    size_t room = HEADER - s->header_used;
    if (!kept || !room) return;
    if (length > room) length = room;
    memcpy(s->header + s->header_used, octets, length);
    s->header_used += length;
}

/* Octets of the buffer that a content took up; all but its last four where the final dot isn't there yet. */
static size_t take_content(struct session *s, const char *from, size_t length) {
    if (s->header_used == 0 && length >= 3 && !memcmp(from, ".\r\n", 3)) {
        s->in_content = 0;
        answer(s, "554 5.5.1 Empty\r\n");
        return 3;
    }
    char *dot = memmem(from, length, "\r\n.\r\n", 5);
    size_t used = dot ? (size_t)(dot - from) + 5 : length > 4 ? length - 4 : 0;
    take_header(s, from, used);
    if (!kept && used) s->header_used = 1;
    taken += used;
    if (dot) {
        s->in_content = 0;
        letters++;
        if (kept) keep_letter(s);
        answer(s, "250 2.0.0 Ok: taken\r\n");
    }
    return used;
}

static void take_command(struct session *s, const char *line, size_t length) {
    if (length >= 4 && !strncasecmp(line, "EHLO", 4)) {
        answer(s, "250-sink\r\n250-PIPELINING\r\n250-SIZE 50000000\r\n250 8BITMIME\r\n");
    } else if (length >= 4 && !strncasecmp(line, "DATA", 4)) {
        s->in_content = 1;
        s->header_used = 0;
        answer(s, "354 Go ahead\r\n");
    } else if (length >= 4 && !strncasecmp(line, "RCPT", 4)) {
        const char *begin = memchr(line, '<', length), *end = memchr(line, '>', length);
        size_t size = begin && end > begin ? (size_t)(end - begin - 1) : 0;
        if (size >= sizeof s->recipient) size = sizeof s->recipient - 1;
        memcpy(s->recipient, begin ? begin + 1 : "", size);
        s->recipient[size] = 0;
        answer(s, "250 2.1.5 Ok\r\n");
    } else if (length >= 4 && !strncasecmp(line, "QUIT", 4)) {
        answer(s, "221 2.0.0 Bye\r\n");
    } else {
        answer(s, "250 2.0.0 Ok\r\n");
    }
}

/* 0 when the connection is over. */
static int take(struct session *s) {
    ssize_t got = recv(s->fd, s->octets + s->used, ROOM - s->used, 0);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    s->used += (size_t)got;
    char *from = s->octets, *end = s->octets + s->used;
    while (from < end) {
        if (s->in_content) {
            size_t used = take_content(s, from, (size_t)(end - from));
            from += used;
            if (s->in_content) break;
            continue;
        }
        char *line_end = memchr(from, '\n', (size_t)(end - from));
        if (!line_end) break;
        take_command(s, from, (size_t)(line_end - from));
        from = line_end + 1;
    }
    s->used = (size_t)(end - from);
    memmove(s->octets, from, s->used);
    if (s->used == ROOM) return 0;
    if (s->answered && send(s->fd, s->answers, s->answered, MSG_NOSIGNAL) != (ssize_t)s->answered) return 0;
    s->answered = 0;
    return 1;
}

static void welcome(int listening, int poll) {
    struct session *s = calloc(1, sizeof *s);
    int on = 1;
    s->fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
    if (s->fd < 0) { free(s); return; }
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
    epoll_ctl(poll, EPOLL_CTL_ADD, s->fd, &event);
    answer(s, "220 sink ESMTP\r\n");
    if (send(s->fd, s->answers, s->answered, MSG_NOSIGNAL) < 0) perror("send");
    s->answered = 0;
}

int main(int count, char **words) {
    if (count < 2) { fprintf(stderr, "usage: sink PORT [LETTERS]\n"); return 2; }
    if (count > 2 && !(kept = fopen(words[2], "a"))) { perror(words[2]); return 1; }
    struct sigaction ending = {.sa_handler = stop};
    sigaction(SIGTERM, &ending, NULL);
    sigaction(SIGINT, &ending, NULL);
    int on = 1, listening = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0);
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(words[1])),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listening, (struct sockaddr *)&place, sizeof place) || listen(listening, 1024)) {
        perror("listen");
        return 1;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[64];
    epoll_ctl(poll, EPOLL_CTL_ADD, listening, &event);
    printf("ready\n");
    fflush(stdout);
    while (!stopping) {
        int ready = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            struct session *s = events[i].data.ptr;
            if (!s) {
                welcome(listening, poll);
            } else if (!take(s)) {
                close(s->fd);
                free(s);
            }
        }
    }
    printf("%llu letters %llu octets\n", letters, taken);
    return 0;
}
