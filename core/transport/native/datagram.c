/*
 * Datagram sockets in batches: recvmmsg and sendmmsg under one JavaScript call a batch.
 *
 * Of SIP the addon knows the header rows (rows.h) and those that every message is asked for (facts.h). JavaScript owns the shared buffers (see native.ts for their layout); what arrives is
 * announced by one call, what is to be sent is read from its buffers when that call
 * and its microtasks are done, or, for sends made elsewhere (timers, streams), just before the event loop waits again.
 *
 * Everything hangs on the environment (one a thread), so worker threads may each load it. The one thing they share is the
 * table of doorbells, by which a thread wakes another that has something to read in shared memory.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <node_api.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "rows.h"
#include "facts.h"

/* The part of libuv 1's stable ABI that is used; its header does not come with node-api-headers. */
typedef struct uv_handle_s uv_handle_t;
typedef struct uv_poll_s uv_poll_t;
typedef struct uv_prepare_s uv_prepare_t;
typedef struct uv_async_s uv_async_t;
enum { UV_HANDLE_TYPE_ASYNC = 1, UV_HANDLE_TYPE_POLL = 8, UV_HANDLE_TYPE_PREPARE = 9, UV_READABLE = 1, UV_WRITABLE = 2 };
extern size_t uv_handle_size(int type);
extern void uv_handle_set_data(uv_handle_t *handle, void *data);
extern void *uv_handle_get_data(const uv_handle_t *handle);
extern int uv_poll_init(struct uv_loop_s *loop, uv_poll_t *handle, int fd);
extern int uv_poll_start(uv_poll_t *handle, int events, void (*cb)(uv_poll_t *, int status, int events));
extern int uv_prepare_init(struct uv_loop_s *loop, uv_prepare_t *handle);
extern int uv_prepare_start(uv_prepare_t *handle, void (*cb)(uv_prepare_t *));
extern int uv_async_init(struct uv_loop_s *loop, uv_async_t *handle, void (*cb)(uv_async_t *));
extern int uv_async_send(uv_async_t *handle);
extern void uv_close(uv_handle_t *handle, void (*cb)(uv_handle_t *));
extern int uv_poll_stop(uv_poll_t *handle);
extern void uv_ref(uv_handle_t *handle);
extern void uv_unref(uv_handle_t *handle);
extern void uv_update_time(struct uv_loop_s *loop);
extern int uv_backend_timeout(const struct uv_loop_s *loop);
extern int uv_backend_fd(const struct uv_loop_s *loop);

enum {
  BATCH = 64,              /* datagrams a system call */
  ROUND_PACKETS = 128,     /* datagrams taken from one socket before the event loop gets its turn */
  SEND_MAX = 256,          /* descriptors in the send buffer */
  WORDS = 8,               /* int32 words a descriptor */
  ERRORS_MAX = 16,         /* failed sends described a report; more are only counted */
  GATHERED_MANY = 16,      /* a round of so many needs no more to gather */
  BELLS_MAX = 1024,        /* threads of a process that may be woken */
  QUEUE_BYTES = 4 << 20,   /* what a socket whose send buffer is full may hold back */
  SLOT_BYTES = 65536 + 192 /* a datagram; somewhat more, so that the slots' beginnings do not share cache sets */
};

typedef struct packet {
  struct packet *next;
  socklen_t addr_len;
  struct sockaddr_in6 addr;
  size_t length;
  char data[];
} packet_t;

typedef struct sock {
  struct env *env;
  uv_poll_t *poll;
  int fd;
  int id;
  int family;
  uint32_t scope_id;
  int is_closing;
  packet_t *queue_head, *queue_tail;
  size_t queue_bytes;
} sock_t;

typedef struct env {
  napi_env napi;
  struct uv_loop_s *loop;
  uv_prepare_t *prepare;
  uv_async_t *bell;        /* NULL until bellOpen */
  int bell_id;
  napi_async_cleanup_hook_handle cleanup;
  int open_handles, is_ending;
  sock_t **socks;
  int sock_count;
  struct pollfd *waits;    /* [0] the event loop's own descriptor, then the UDP sockets: what wait_here waits for */
  sock_t **waiting;        /* the socket of each */
  int wait_count;          /* 0: to be made anew */
  int64_t gather_ns;       /* how long a busy line is left to gather; 0: every datagram is handed over at once */
  int64_t handed_ns;       /* when datagrams were handed over last */
  int udp_count;           /* open UDP sockets: they keep the event loop alive */
  napi_ref callbacks;      /* the object whose onBatch, onUnix, onErrors are called */
  napi_ref on_batch, on_unix, on_errors, on_bell;
  napi_ref keep_alive[5];
  napi_async_context async_context;
  char *receive_buffer;    /* BATCH slots */
  int32_t *receive_meta;
  int32_t *rows;           /* ROWS_STRIDE words a datagram */
  int32_t *facts;          /* FACTS_STRIDE words a datagram; NULL where nobody asks for them */
  usual_t usual;           /* the header names that get their kinds here */
  char *send_buffer;
  size_t send_bytes;
  int32_t *send_meta;      /* [0] count, [1] bytes used, then WORDS a datagram */
  int32_t *errors;         /* [0] count, then WORDS an error */
  struct mmsghdr in[BATCH], out[SEND_MAX];
  struct iovec in_iov[BATCH], out_iov[SEND_MAX];
  struct sockaddr_in6 in_addr[BATCH], out_addr[SEND_MAX];
} env_t;

/* ---- calling JavaScript ---- */

static void call_js(env_t *e, napi_ref function, size_t argc, const napi_value *argv) {
  napi_value fn, recv, result;
  if (napi_get_reference_value(e->napi, function, &fn) != napi_ok) return;
  if (napi_get_reference_value(e->napi, e->callbacks, &recv) != napi_ok) return;
  /* Runs the microtasks and nextTicks that the call leaves behind before it returns. */
  if (napi_make_callback(e->napi, e->async_context, recv, fn, argc, argv, &result) == napi_pending_exception) {
    napi_value error;
    if (napi_get_and_clear_last_exception(e->napi, &error) == napi_ok) napi_fatal_exception(e->napi, error);
  }
}

static void report_errors(env_t *e) {
  if (e->errors[0] == 0 || e->is_ending) return;
  napi_handle_scope scope;
  napi_open_handle_scope(e->napi, &scope);
  call_js(e, e->on_errors, 0, NULL);
  e->errors[0] = 0;
  napi_close_handle_scope(e->napi, scope);
}

/* ---- sending ---- */

static void note_error(env_t *e, const sock_t *s, int code, const struct sockaddr_in6 *addr, size_t length) {
  int n = e->errors[0]++;
  if (n >= ERRORS_MAX) return;
  int32_t *w = e->errors + 1 + n * WORDS;
  w[0] = s->id;
  w[1] = code;
  w[2] = (int32_t)length;
  if (s->family == AF_INET) {
    const struct sockaddr_in *a = (const struct sockaddr_in *)addr;
    w[3] = ntohs(a->sin_port);
    w[4] = (int32_t)ntohl(a->sin_addr.s_addr);
  } else {
    uint32_t words[4];
    memcpy(words, &addr->sin6_addr, 16);
    w[3] = ntohs(addr->sin6_port);
    for (int k = 0; k < 4; k++) w[4 + k] = (int32_t)ntohl(words[k]);
  }
}

static void on_poll(uv_poll_t *handle, int status, int events);

/* Holds a datagram back until the socket can be written again; beyond the bound it is lost and reported. */
static void queue_packet(env_t *e, sock_t *s, const struct msghdr *m) {
  size_t length = m->msg_iov->iov_len;
  packet_t *p = s->queue_bytes + length > QUEUE_BYTES ? NULL : malloc(sizeof *p + length);
  if (p == NULL) {
    note_error(e, s, ENOBUFS, m->msg_name, length);
    return;
  }
  p->next = NULL;
  p->addr_len = m->msg_namelen;
  memcpy(&p->addr, m->msg_name, m->msg_namelen);
  p->length = length;
  memcpy(p->data, m->msg_iov->iov_base, length);
  if (s->queue_tail != NULL) s->queue_tail->next = p;
  else s->queue_head = p;
  s->queue_tail = p;
  s->queue_bytes += length;
}

static void drain_queue(env_t *e, sock_t *s) {
  while (s->queue_head != NULL) {
    packet_t *p = s->queue_head;
    ssize_t n;
    int tries = 0;
    /* A pending ICMP error belongs to an earlier datagram: reading it clears it, so the second try counts. */
    do n = sendto(s->fd, p->data, p->length, 0, (struct sockaddr *)&p->addr, p->addr_len);
    while (n < 0 && (errno == EINTR || (errno == ECONNREFUSED && tries++ == 0)));
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (n < 0) note_error(e, s, errno, &p->addr, p->length);
    s->queue_head = p->next;
    s->queue_bytes -= p->length;
    free(p);
  }
  s->queue_tail = NULL;
  if (s->family == AF_UNIX) uv_poll_start(s->poll, UV_READABLE, on_poll);
  else uv_poll_stop(s->poll);
}

static void send_batch(env_t *e, sock_t *s, struct mmsghdr *v, int n) {
  int done = 0, refused_at = -1;
  while (done < n && s->queue_head == NULL) {
    int r = sendmmsg(s->fd, v + done, (unsigned)(n - done), 0);
    if (r > 0) {
      done += r;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    if (errno == ECONNREFUSED && refused_at != done) {
      refused_at = done; /* as above: an older datagram's error */
      continue;
    }
    note_error(e, s, errno, v[done].msg_hdr.msg_name, v[done].msg_hdr.msg_iov->iov_len);
    done++;
  }
  if (done == n) return;
  int was_empty = s->queue_head == NULL;
  for (; done < n; done++) queue_packet(e, s, &v[done].msg_hdr);
  if (was_empty && s->queue_head != NULL) uv_poll_start(s->poll, UV_WRITABLE, on_poll);
}

static socklen_t fill_address(const sock_t *s, const int32_t *w, struct sockaddr_in6 *out) {
  if (s->family == AF_INET) {
    struct sockaddr_in *a = (struct sockaddr_in *)out;
    a->sin_family = AF_INET;
    a->sin_port = htons((uint16_t)w[3]);
    a->sin_addr.s_addr = htonl((uint32_t)w[4]);
    return sizeof *a;
  }
  uint32_t words[4];
  for (int k = 0; k < 4; k++) words[k] = htonl((uint32_t)w[4 + k]);
  out->sin6_family = AF_INET6;
  out->sin6_port = htons((uint16_t)w[3]);
  out->sin6_flowinfo = 0;
  memcpy(&out->sin6_addr, words, 16);
  out->sin6_scope_id = IN6_IS_ADDR_LINKLOCAL(&out->sin6_addr) ? s->scope_id : 0;
  return sizeof *out;
}

static void flush_sends(env_t *e) {
  int n = e->send_meta[0];
  if (n <= 0) return;
  if (n > SEND_MAX) n = SEND_MAX;
  uint8_t taken[SEND_MAX] = {0};
  for (int i = 0; i < n; i++) {
    if (taken[i]) continue;
    int id = e->send_meta[2 + i * WORDS];
    sock_t *s = id >= 0 && id < e->sock_count ? e->socks[id] : NULL;
    int k = 0;
    for (int j = i; j < n; j++) {
      const int32_t *w = e->send_meta + 2 + j * WORDS;
      if (taken[j] || w[0] != id) continue;
      taken[j] = 1;
      size_t offset = (size_t)w[1], length = (size_t)w[2];
      if (s == NULL || offset > e->send_bytes || length > e->send_bytes - offset) continue;
      e->out_iov[k].iov_base = e->send_buffer + offset;
      e->out_iov[k].iov_len = length;
      struct msghdr *m = &e->out[k].msg_hdr;
      m->msg_name = &e->out_addr[k];
      m->msg_namelen = fill_address(s, w, &e->out_addr[k]);
      m->msg_iov = &e->out_iov[k];
      m->msg_iovlen = 1;
      k++;
    }
    if (k > 0) send_batch(e, s, e->out, k);
  }
  e->send_meta[0] = 0;
  e->send_meta[1] = 0;
}

/* ---- receiving ---- */

static int receive_batch(env_t *e, sock_t *s) {
  int n;
  do n = recvmmsg(s->fd, e->in, BATCH, 0, NULL);
  while (n < 0 && errno == EINTR);
  /* EAGAIN, or an ICMP error that some earlier datagram caused: reading it has cleared it. */
  if (n < 0) return errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH ? 0 : -1;
  for (int i = 0; i < n; i++) {
    int32_t *w = e->receive_meta + i * WORDS;
    w[0] = (int32_t)e->in[i].msg_len;
    if (s->family == AF_INET) {
      struct sockaddr_in *a = (struct sockaddr_in *)&e->in_addr[i];
      w[1] = ntohs(a->sin_port);
      w[2] = (int32_t)ntohl(a->sin_addr.s_addr);
    } else {
      uint32_t words[4];
      memcpy(words, &e->in_addr[i].sin6_addr, 16);
      w[1] = ntohs(e->in_addr[i].sin6_port);
      for (int k = 0; k < 4; k++) w[2 + k] = (int32_t)ntohl(words[k]);
    }
    e->in[i].msg_hdr.msg_namelen = sizeof e->in_addr[i];
    /* Measured: 0.2 us here, 1.6 us in JavaScript. */
    index_rows(&e->usual, e->in_iov[i].iov_base, e->in[i].msg_len, e->rows + i * ROWS_STRIDE);
    if (e->facts != NULL) find_facts(e->in_iov[i].iov_base, e->rows + i * ROWS_STRIDE, e->facts + i * FACTS_STRIDE);
  }
  return n;
}

/* Hands over what has come on a socket; returns how many datagrams. */
static int receive_udp(env_t *e, sock_t *s) {
  int total = 0;
  while (total < ROUND_PACKETS && !s->is_closing) {
    int n = receive_batch(e, s);
    if (n < 0) return total;
    if (n == 0) continue;
    total += n;
    napi_handle_scope scope;
    napi_value argv[1 + BATCH];
    napi_open_handle_scope(e->napi, &scope);
    napi_create_int32(e->napi, s->id, &argv[0]);
    /* Measured: 0.3 to 0.5 us a datagram less than buf.latin1Slice() on the other side. */
    for (int i = 0; i < n; i++) napi_create_string_latin1(e->napi, e->in_iov[i].iov_base, e->in[i].msg_len, &argv[1 + i]);
    call_js(e, e->on_batch, 1 + (size_t)n, argv);
    napi_close_handle_scope(e->napi, scope);
    if (e->is_ending) return total;
    flush_sends(e);
    report_errors(e);
    if (n == 1) return total; /* a quiet line: the next look would most likely find nothing */
  }
  return total;
}

static void receive_unix(env_t *e, sock_t *s) {
  for (int total = 0; total < ROUND_PACKETS && !s->is_closing && !e->is_ending; total++) {
    struct sockaddr_un from;
    socklen_t from_len = sizeof from;
    ssize_t n;
    do n = recvfrom(s->fd, e->receive_buffer, SLOT_BYTES, 0, (struct sockaddr *)&from, &from_len);
    while (n < 0 && errno == EINTR);
    if (n < 0) return;
    size_t path_len = from_len > offsetof(struct sockaddr_un, sun_path) ? from_len - offsetof(struct sockaddr_un, sun_path) : 0;
    /* A path ends with a zero byte that may be counted; an abstract name begins with one. */
    if (path_len > 0 && from.sun_path[0] != '\0') path_len = strnlen(from.sun_path, path_len);
    napi_handle_scope scope;
    napi_value argv[3];
    napi_open_handle_scope(e->napi, &scope);
    napi_create_int32(e->napi, s->id, &argv[0]);
    napi_create_string_latin1(e->napi, e->receive_buffer, (size_t)n, &argv[1]);
    napi_create_string_latin1(e->napi, from.sun_path, path_len, &argv[2]);
    call_js(e, e->on_unix, 3, argv);
    napi_close_handle_scope(e->napi, scope);
  }
}

static void on_poll(uv_poll_t *handle, int status, int events) {
  sock_t *s = uv_handle_get_data((uv_handle_t *)handle);
  env_t *e = s->env;
  if (s->is_closing || e->is_ending) return;
  if (events & UV_WRITABLE) drain_queue(e, s);
  /* An error condition (status < 0) is read, and so cleared, by the receive. */
  if ((events & UV_READABLE) || status < 0) {
    if (s->family == AF_UNIX) receive_unix(e, s);
    else receive_udp(e, s);
  }
  report_errors(e);
}

/* ---- waiting ---- */

/* Makes the list of what to wait for; 0 when there is no UDP socket or no memory. */
static int list_waits(env_t *e) {
  if (e->wait_count > 0 || e->udp_count == 0) return e->wait_count;
  struct pollfd *waits = realloc(e->waits, (size_t)(e->sock_count + 1) * sizeof *waits);
  if (waits != NULL) e->waits = waits;
  sock_t **waiting = realloc(e->waiting, (size_t)(e->sock_count + 1) * sizeof *waiting);
  if (waiting != NULL) e->waiting = waiting;
  if (waits == NULL || waiting == NULL) return 0;
  int n = 1;
  waits[0] = (struct pollfd){.fd = uv_backend_fd(e->loop), .events = POLLIN};
  for (int i = 0; i < e->sock_count; i++) {
    sock_t *s = e->socks[i];
    if (s == NULL || s->family == AF_UNIX) continue;
    waiting[n] = s;
    waits[n++] = (struct pollfd){.fd = s->fd, .events = POLLIN};
  }
  return n == 1 ? 0 : (e->wait_count = n);
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What has come on all sockets; they are asked without waiting, those alone that poll named where `is_polled`. */
static int receive_all(env_t *e, int n, int is_polled) {
  int got = 0;
  /* JavaScript may open and close sockets meanwhile: the list is then void, and made anew for the next round. */
  for (int i = 1; i < n && e->wait_count == n; i++)
    if (!is_polled || e->waits[i].revents != 0) got += receive_udp(e, e->waiting[i]);
  if (e->is_ending) return got;
  flush_sends(e);
  report_errors(e);
  return got;
}

/*
 * On a busy line, lets datagrams gather before the next look, as network cards moderate interrupts: waking up for each costs
 * several times what the work does, as the processor's caches have gone cold. A line is busy when datagrams came both
 * times within the time it takes; one that comes alone is never held up. Returns how many have come, -1 when it did not
 * wait.
 */
static int gather(env_t *e, int n, int last, int timeout_ms, int *is_loop_ready) {
  if (e->gather_ns == 0 || last == 0) return -1;
  int64_t now = now_ns();
  int is_busy = last < GATHERED_MANY && now - e->handed_ns < e->gather_ns;
  e->handed_ns = now;
  if (!is_busy || timeout_ms == 0) return -1;
  struct timespec wait = {.tv_nsec = e->gather_ns};
  if (ppoll(e->waits, 1, &wait, NULL) > 0) *is_loop_ready = 1;
  int got = receive_all(e, n, 0);
  /* What gathered came one after the other: the line is as busy as before. */
  if (got > 0) e->handed_ns = now_ns();
  return got;
}

/*
 * Waits for datagrams in the event loop's place, and hands them over, until the loop has something else to do: a timer is
 * due, one of its own descriptors is ready, an immediate is set. A turn of the loop costs two calls of epoll_pwait and its
 * bookkeeping; at a few thousand datagrams a second, each with its own wake-up, that was a quarter of all CPU time.
 * UDP sockets are therefore not among the loop's own descriptors, and every turn comes through here.
 */
static void wait_here(env_t *e) {
  int is_loop_ready = 0, timeout = -1, got = 0;
  while (!is_loop_ready && timeout != 0 && !e->is_ending) {
    int n = list_waits(e);
    if (n == 0) return;
    uv_update_time(e->loop);
    timeout = uv_backend_timeout(e->loop);
    int gathered = gather(e, n, got, timeout, &is_loop_ready);
    if (gathered > 0) {
      got = gathered;
      continue;
    }
    if (gathered == 0) {
      uv_update_time(e->loop);
      timeout = is_loop_ready ? 0 : uv_backend_timeout(e->loop);
    }
    if (poll(e->waits, (nfds_t)n, timeout) <= 0) return;
    is_loop_ready = e->waits[0].revents != 0;
    got = receive_all(e, n, 1);
  }
}

static void on_prepare(uv_prepare_t *handle) {
  env_t *e = uv_handle_get_data((uv_handle_t *)handle);
  if (e->is_ending) return;
  flush_sends(e);
  report_errors(e);
  wait_here(e);
}

/* ---- doorbells ---- */

/* By id; a thread that ends takes its own out, under the lock, before its handle is closed. */
static pthread_mutex_t bells_lock = PTHREAD_MUTEX_INITIALIZER;
static uv_async_t *bells[BELLS_MAX];

static void on_bell(uv_async_t *handle) {
  env_t *e = uv_handle_get_data((uv_handle_t *)handle);
  if (e->is_ending) return;
  napi_handle_scope scope;
  napi_open_handle_scope(e->napi, &scope);
  call_js(e, e->on_bell, 0, NULL);
  napi_close_handle_scope(e->napi, scope);
  if (e->is_ending) return;
  flush_sends(e);
  report_errors(e);
}

/* ---- life of sockets and of the environment ---- */

static void finish_if_last(env_t *e) {
  if (--e->open_handles > 0 || !e->is_ending) return;
  napi_remove_async_cleanup_hook(e->cleanup);
  free(e->socks);
  free(e->waits);
  free(e->waiting);
  free(e->receive_buffer);
  free(e);
}

static void on_sock_closed(uv_handle_t *handle) {
  sock_t *s = uv_handle_get_data(handle);
  env_t *e = s->env;
  while (s->queue_head != NULL) {
    packet_t *next = s->queue_head->next;
    free(s->queue_head);
    s->queue_head = next;
  }
  free(s);
  free(handle);
  finish_if_last(e);
}

static void close_sock(env_t *e, sock_t *s) {
  if (s->is_closing) return;
  s->is_closing = 1;
  e->socks[s->id] = NULL;
  e->wait_count = 0;
  if (s->family != AF_UNIX && --e->udp_count == 0) uv_unref((uv_handle_t *)e->prepare);
  uv_close((uv_handle_t *)s->poll, on_sock_closed);
  close(s->fd);
}

static void on_handle_closed(uv_handle_t *handle) {
  env_t *e = uv_handle_get_data(handle);
  free(handle);
  finish_if_last(e);
}

static void close_bell(env_t *e) {
  if (e->bell == NULL) return;
  pthread_mutex_lock(&bells_lock);
  bells[e->bell_id] = NULL;
  pthread_mutex_unlock(&bells_lock);
  uv_close((uv_handle_t *)e->bell, on_handle_closed);
  e->bell = NULL;
}

static void end_environment(napi_async_cleanup_hook_handle handle, void *arg) {
  env_t *e = arg;
  e->cleanup = handle;
  flush_sends(e);
  e->is_ending = 1;
  for (int i = 0; i < e->sock_count; i++)
    if (e->socks[i] != NULL) close_sock(e, e->socks[i]);
  close_bell(e);
  uv_close((uv_handle_t *)e->prepare, on_handle_closed);
}

/* Takes `fd` among what is waited for; returns its id, or a negative errno with `fd` closed. */
static int add_sock(env_t *e, int fd, int family, uint32_t scope_id) {
  int id = 0;
  while (id < e->sock_count && e->socks[id] != NULL) id++;
  if (id == e->sock_count) {
    sock_t **more = realloc(e->socks, (size_t)(e->sock_count + 16) * sizeof *more);
    if (more == NULL) {
      close(fd);
      return -ENOMEM;
    }
    memset(more + e->sock_count, 0, 16 * sizeof *more);
    e->socks = more;
    e->sock_count += 16;
  }
  sock_t *s = calloc(1, sizeof *s);
  uv_poll_t *poll = calloc(1, uv_handle_size(UV_HANDLE_TYPE_POLL));
  int rc = s == NULL || poll == NULL ? -ENOMEM : uv_poll_init(e->loop, poll, fd);
  if (rc < 0) {
    free(s);
    free(poll);
    close(fd);
    return rc;
  }
  *s = (sock_t){.env = e, .poll = poll, .fd = fd, .id = id, .family = family, .scope_id = scope_id};
  uv_handle_set_data((uv_handle_t *)poll, s);
  e->socks[id] = s;
  e->open_handles++;
  e->wait_count = 0;
  if (family == AF_UNIX) uv_poll_start(poll, UV_READABLE, on_poll);
  else if (e->udp_count++ == 0) uv_ref((uv_handle_t *)e->prepare);
  return id;
}

/* ---- what JavaScript calls ---- */

static env_t *get_env(napi_env napi) {
  void *e = NULL;
  napi_get_instance_data(napi, &e);
  return e;
}

static napi_value int_value(napi_env napi, int value) {
  napi_value v;
  napi_create_int32(napi, value, &v);
  return v;
}

static int int_arg(napi_env napi, napi_value v) {
  int32_t n = 0;
  napi_get_value_int32(napi, v, &n);
  return n;
}

static int set_int(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value);
}

static int join_group(int fd, int family, const struct sockaddr *addr, const char *interface, int ttl, int loop) {
  unsigned index = interface[0] != '\0' ? if_nametoindex(interface) : 0;
  if (interface[0] != '\0' && index == 0) return -1;
  if (family == AF_INET) {
    const struct sockaddr_in *a = (const struct sockaddr_in *)addr;
    struct ip_mreqn group = {.imr_multiaddr = a->sin_addr, .imr_ifindex = (int)index};
    if (ttl >= 0 && set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl) < 0) return -1;
    if (loop >= 0 && set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, loop) < 0) return -1;
    if (!IN_MULTICAST(ntohl(a->sin_addr.s_addr))) return 0;
    if (index != 0 && setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof group) < 0) return -1;
    return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group);
  }
  const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)addr;
  struct ipv6_mreq group = {.ipv6mr_multiaddr = a->sin6_addr, .ipv6mr_interface = index};
  if (ttl >= 0 && set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl) < 0) return -1;
  if (loop >= 0 && set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, loop) < 0) return -1;
  if (!IN6_IS_ADDR_MULTICAST(&a->sin6_addr)) return 0;
  if (index != 0 && set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)index) < 0) return -1;
  return setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof group);
}

static int is_multicast(const struct sockaddr *a) {
  if (a->sa_family == AF_INET) return IN_MULTICAST(ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr));
  return IN6_IS_ADDR_MULTICAST(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

enum { OPT_REUSE_PORT, OPT_RCVBUF, OPT_TOS, OPT_TTL, OPT_MULTICAST_LOOP, OPT_PMTU, OPT_COUNT };

static int configure(int fd, const struct sockaddr *addr, const int *opt, const char *interface) {
  int v6 = addr->sa_family == AF_INET6;
  if (v6 && set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0) return -1;
  if (opt[OPT_REUSE_PORT] && set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0) return -1;
  /* Only groups may be shared: on a unicast address SO_REUSEADDR would let a second server take over silently. */
  if (is_multicast(addr) && set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0) return -1;
  if (opt[OPT_RCVBUF] > 0 && set_int(fd, SOL_SOCKET, SO_RCVBUF, opt[OPT_RCVBUF]) < 0) return -1;
  if (opt[OPT_TOS] >= 0 && set_int(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, opt[OPT_TOS]) < 0) return -1;
  if (opt[OPT_PMTU] >= 0 && !v6 && set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, opt[OPT_PMTU]) < 0) return -1;
  return join_group(fd, addr->sa_family, addr, interface, opt[OPT_TTL], opt[OPT_MULTICAST_LOOP]);
}

/* udpOpen(address, port, options: Int32Array, multicastInterface) → id, or a negative errno */
static napi_value udp_open(napi_env napi, napi_callback_info info) {
  napi_value argv[4];
  size_t argc = 4, length;
  napi_get_cb_info(napi, info, &argc, argv, NULL, NULL);
  env_t *e = get_env(napi);
  char address[128] = "", interface[IF_NAMESIZE + 1] = "", service[16] = "";
  napi_get_value_string_latin1(napi, argv[0], address, sizeof address, &length);
  napi_get_value_string_latin1(napi, argv[3], interface, sizeof interface, &length);
  void *options = NULL;
  if (napi_get_typedarray_info(napi, argv[2], NULL, &length, &options, NULL, NULL) != napi_ok || length < OPT_COUNT) return int_value(napi, -EINVAL);
  int port = int_arg(napi, argv[1]);
  if (port < 0 || port > 65535) return int_value(napi, -EINVAL);
  int at = sizeof service - 1;
  do service[--at] = (char)('0' + port % 10);
  while ((port /= 10) > 0);
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM}, *found = NULL;
  if (getaddrinfo(address, service + at, &hints, &found) != 0) return int_value(napi, -EINVAL);
  int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), result;
  if (fd < 0) {
    result = -errno;
  } else if (configure(fd, found->ai_addr, options, interface) < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0) {
    result = -errno;
    close(fd);
  } else {
    uint32_t scope = found->ai_family == AF_INET6 ? ((struct sockaddr_in6 *)found->ai_addr)->sin6_scope_id : 0;
    result = add_sock(e, fd, found->ai_family, scope);
  }
  freeaddrinfo(found);
  return int_value(napi, result);
}

/* Fills a Unix address from a JavaScript string (a leading zero byte: abstract); 0 when it is too long or empty. */
static socklen_t unix_address(napi_env napi, napi_value path, struct sockaddr_un *out) {
  size_t length = 0;
  memset(out, 0, sizeof *out);
  out->sun_family = AF_UNIX;
  napi_get_value_string_latin1(napi, path, NULL, 0, &length);
  if (length == 0 || length >= sizeof out->sun_path) return 0;
  napi_get_value_string_latin1(napi, path, out->sun_path, sizeof out->sun_path, &length);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (out->sun_path[0] != '\0'));
}

/* unixOpen(path) → id, or a negative errno; an empty path makes a socket without a name, which can only send */
static napi_value unix_open(napi_env napi, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1, length = 0;
  napi_get_cb_info(napi, info, &argc, argv, NULL, NULL);
  struct sockaddr_un address;
  napi_get_value_string_latin1(napi, argv[0], NULL, 0, &length);
  socklen_t address_len = unix_address(napi, argv[0], &address);
  if (length > 0 && address_len == 0) return int_value(napi, -ENAMETOOLONG);
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return int_value(napi, -errno);
  if (address_len > 0 && bind(fd, (struct sockaddr *)&address, address_len) < 0) {
    int code = errno;
    close(fd);
    return int_value(napi, -code);
  }
  return int_value(napi, add_sock(get_env(napi), fd, AF_UNIX, 0));
}

static sock_t *sock_arg(napi_env napi, napi_value v) {
  env_t *e = get_env(napi);
  int id = int_arg(napi, v);
  return id >= 0 && id < e->sock_count ? e->socks[id] : NULL;
}

/* unixSend(id, bytes: Buffer, path) → 0 or a negative errno (-EAGAIN: the reader's queue is full) */
static napi_value unix_send(napi_env napi, napi_callback_info info) {
  napi_value argv[3];
  size_t argc = 3, length;
  void *data;
  napi_get_cb_info(napi, info, &argc, argv, NULL, NULL);
  sock_t *s = sock_arg(napi, argv[0]);
  struct sockaddr_un address;
  socklen_t address_len = unix_address(napi, argv[2], &address);
  if (s == NULL) return int_value(napi, -EBADF);
  if (address_len == 0 || napi_get_buffer_info(napi, argv[1], &data, &length) != napi_ok) return int_value(napi, -EINVAL);
  ssize_t n;
  do n = sendto(s->fd, data, length, MSG_NOSIGNAL, (struct sockaddr *)&address, address_len);
  while (n < 0 && errno == EINTR);
  return int_value(napi, n < 0 ? -errno : 0);
}

/* localPort(id) → port, or a negative errno */
static napi_value local_port(napi_env napi, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  napi_get_cb_info(napi, info, &argc, argv, NULL, NULL);
  sock_t *s = sock_arg(napi, argv[0]);
  struct sockaddr_in6 address; /* the port stands in the same place for both families */
  socklen_t length = sizeof address;
  if (s == NULL) return int_value(napi, -EBADF);
  if (getsockname(s->fd, (struct sockaddr *)&address, &length) < 0) return int_value(napi, -errno);
  return int_value(napi, ntohs(address.sin6_port));
}

/* closeSocket(id): what is queued for it is sent first */
static napi_value close_socket(napi_env napi, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  napi_get_cb_info(napi, info, &argc, argv, NULL, NULL);
  sock_t *s = sock_arg(napi, argv[0]);
  if (s == NULL) return NULL;
  flush_sends(s->env);
  close_sock(s->env, s);
  return NULL;
}

/* gather(microseconds): how long a busy line is left to gather datagrams; 0 for not at all */
static napi_value set_gather(napi_env napi, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  napi_get_cb_info(napi, info, &argc, argv, NULL, NULL);
  int us = int_arg(napi, argv[0]);
  get_env(napi)->gather_ns = us <= 0 ? 0 : (int64_t)(us > 100000 ? 100000 : us) * 1000;
  return NULL;
}

static napi_value flush(napi_env napi, napi_callback_info info) {
  (void)info;
  flush_sends(get_env(napi));
  return NULL;
}

/* bellOpen() → id by which any thread wakes this one (onBell), or a negative errno; does not keep the thread alive */
static napi_value bell_open(napi_env napi, napi_callback_info info) {
  (void)info;
  env_t *e = get_env(napi);
  if (e->bell != NULL) return int_value(napi, e->bell_id);
  uv_async_t *bell = calloc(1, uv_handle_size(UV_HANDLE_TYPE_ASYNC));
  if (bell == NULL) return int_value(napi, -ENOMEM);
  int rc = uv_async_init(e->loop, bell, on_bell);
  if (rc < 0) {
    free(bell);
    return int_value(napi, rc);
  }
  uv_handle_set_data((uv_handle_t *)bell, e);
  uv_unref((uv_handle_t *)bell);
  e->open_handles++;
  pthread_mutex_lock(&bells_lock);
  int id = 0;
  while (id < BELLS_MAX && bells[id] != NULL) id++;
  if (id < BELLS_MAX) bells[id] = bell;
  pthread_mutex_unlock(&bells_lock);
  if (id == BELLS_MAX) {
    uv_close((uv_handle_t *)bell, on_handle_closed);
    return int_value(napi, -EMFILE);
  }
  e->bell = bell;
  e->bell_id = id;
  return int_value(napi, id);
}

/* bellRing(id): wakes the thread; nothing where it has ended. Calls before it has woken are one. */
static napi_value bell_ring(napi_env napi, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  napi_get_cb_info(napi, info, &argc, argv, NULL, NULL);
  int id = int_arg(napi, argv[0]);
  if (id < 0 || id >= BELLS_MAX) return NULL;
  pthread_mutex_lock(&bells_lock);
  if (bells[id] != NULL) uv_async_send(bells[id]);
  pthread_mutex_unlock(&bells_lock);
  return NULL;
}

static void *pin(env_t *e, int slot, napi_value object, const char *name, size_t *bytes) {
  napi_value v;
  void *data = NULL;
  size_t length = 0;
  bool is_buffer = false;
  if (napi_get_named_property(e->napi, object, name, &v) != napi_ok) return NULL;
  napi_is_buffer(e->napi, v, &is_buffer);
  if (!is_buffer || napi_get_buffer_info(e->napi, v, &data, &length) != napi_ok) return NULL;
  if (napi_create_reference(e->napi, v, 1, &e->keep_alive[slot]) != napi_ok) return NULL;
  *bytes = length;
  return data;
}

static napi_ref function_ref(env_t *e, napi_value object, const char *name) {
  napi_value v;
  napi_ref ref = NULL;
  napi_get_named_property(e->napi, object, name, &v);
  napi_create_reference(e->napi, v, 1, &ref);
  return ref;
}

/* start({meta, send, sendMeta, rows, facts, usual, onBatch, …}) → 0, or a negative errno; once a thread */
static napi_value start(napi_env napi, napi_callback_info info) {
  napi_value argv[1], name, usual;
  size_t argc = 1, meta_bytes = 0, send_meta_bytes = 0, rows_bytes = 0, facts_bytes = 0, usual_bytes = 0;
  void *usual_data = NULL;
  napi_get_cb_info(napi, info, &argc, argv, NULL, NULL);
  env_t *e = get_env(napi);
  if (e->callbacks != NULL) return int_value(napi, -EALREADY);
  e->receive_buffer = malloc(BATCH * (size_t)SLOT_BYTES);
  if (e->receive_buffer == NULL) return int_value(napi, -ENOMEM);
  e->receive_meta = pin(e, 0, argv[0], "meta", &meta_bytes);
  e->send_buffer = pin(e, 1, argv[0], "send", &e->send_bytes);
  e->send_meta = pin(e, 2, argv[0], "sendMeta", &send_meta_bytes);
  e->rows = pin(e, 3, argv[0], "rows", &rows_bytes);
  e->facts = pin(e, 4, argv[0], "facts", &facts_bytes);
  if (facts_bytes != BATCH * sizeof(int32_t) * FACTS_STRIDE) e->facts = NULL; /* built from other sources */
  if (napi_get_named_property(napi, argv[0], "usual", &usual) != napi_ok || napi_get_buffer_info(napi, usual, &usual_data, &usual_bytes) != napi_ok)
    return int_value(napi, -EINVAL);
  read_usual(&e->usual, usual_data, usual_bytes);
  size_t words = sizeof(int32_t) * WORDS;
  if (e->rows == NULL || rows_bytes < BATCH * sizeof(int32_t) * ROWS_STRIDE) return int_value(napi, -EINVAL);
  if (e->receive_meta == NULL || e->send_buffer == NULL || e->send_meta == NULL || meta_bytes < BATCH * words + (1 + ERRORS_MAX) * words || send_meta_bytes < (1 + SEND_MAX) * words)
    return int_value(napi, -EINVAL);
  e->errors = e->receive_meta + BATCH * WORDS;
  for (int i = 0; i < BATCH; i++) {
    e->in_iov[i] = (struct iovec){.iov_base = e->receive_buffer + (size_t)i * SLOT_BYTES, .iov_len = 65536};
    e->in[i].msg_hdr = (struct msghdr){.msg_name = &e->in_addr[i], .msg_namelen = sizeof e->in_addr[i], .msg_iov = &e->in_iov[i], .msg_iovlen = 1};
  }
  e->on_batch = function_ref(e, argv[0], "onBatch");
  e->on_unix = function_ref(e, argv[0], "onUnix");
  e->on_errors = function_ref(e, argv[0], "onErrors");
  e->on_bell = function_ref(e, argv[0], "onBell");
  napi_create_string_latin1(napi, "strowger.datagram", NAPI_AUTO_LENGTH, &name);
  napi_async_init(napi, argv[0], name, &e->async_context);
  napi_create_reference(napi, argv[0], 1, &e->callbacks);
  uv_prepare_start(e->prepare, on_prepare);
  uv_unref((uv_handle_t *)e->prepare);
  return int_value(napi, 0);
}

/* indexRows(text, rows, facts): what receiving does to a datagram, for the test that compares it with the parser */
static napi_value index_one(napi_env napi, napi_callback_info info) {
  napi_value argv[3];
  size_t argc = 3, length = 0, rows_bytes = 0, facts_bytes = 0;
  void *text = NULL, *rows = NULL, *facts = NULL;
  napi_get_cb_info(napi, info, &argc, argv, NULL, NULL);
  if (napi_get_buffer_info(napi, argv[0], &text, &length) != napi_ok || napi_get_buffer_info(napi, argv[1], &rows, &rows_bytes) != napi_ok ||
      napi_get_buffer_info(napi, argv[2], &facts, &facts_bytes) != napi_ok || rows_bytes < sizeof(int32_t) * ROWS_STRIDE ||
      facts_bytes < sizeof(int32_t) * FACTS_STRIDE)
    return int_value(napi, -EINVAL);
  index_rows(&get_env(napi)->usual, text, length, rows);
  find_facts(text, rows, facts);
  return int_value(napi, 0);
}

NAPI_MODULE_INIT() {
  env_t *e = calloc(1, sizeof *e);
  uv_prepare_t *prepare = calloc(1, uv_handle_size(UV_HANDLE_TYPE_PREPARE));
  if (e == NULL || prepare == NULL || napi_get_uv_event_loop(env, &e->loop) != napi_ok) {
    free(e);
    free(prepare);
    napi_throw_error(env, NULL, "no memory or no event loop");
    return NULL;
  }
  e->napi = env;
  e->prepare = prepare;
  uv_prepare_init(e->loop, prepare);
  uv_handle_set_data((uv_handle_t *)prepare, e);
  e->open_handles = 1;
  napi_set_instance_data(env, e, NULL, NULL);
  napi_add_async_cleanup_hook(env, end_environment, e, NULL);
  const struct {
    const char *name;
    napi_callback fn;
  } functions[] = {{"start", start}, {"udpOpen", udp_open}, {"unixOpen", unix_open}, {"unixSend", unix_send}, {"localPort", local_port}, {"closeSocket", close_socket}, {"flush", flush}, {"gather", set_gather}, {"indexRows", index_one}, {"bellOpen", bell_open}, {"bellRing", bell_ring}};
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    napi_value fn;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].fn, NULL, &fn);
    napi_set_named_property(env, exports, functions[i].name, fn);
  }
  return exports;
}
