/* Sees every system call that changes a file below one folder, counts it, and makes it fail on order.
 *
 * Preloaded into the host and, through the environment, into every git that it starts. A seccomp filter
 * turns the calls into SIGSYS, so that no way around libc's own names is missed; the handler does the call
 * itself, marked by its sixth argument, which none of the calls has. The orders lie in a file that all
 * processes of one run map. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define MAGIC 0x5fa17500UL
#define CONTROL_SIZE 12288
#define CONTROL_VARIABLE "KITTY_FAULTS_CONTROL"

enum { COUNT, AT, ACTION, VALUE, FROM_ON, ORPHANS, WORKER, MASK, FREED, CLOCK, INOTIFY, HITS, PIDS, PID };
enum { KILL_BEFORE = 1, KILL_AFTER, FAIL, SHORT, JUMP };
enum { SILENT = 1, OVERFLOW, DUPLICATED, LATE };
enum { OPEN, WRITE, RENAME, UNLINK, MKDIR, RMDIR, LINK, SYMLINK, TRUNCATE, SYNC, CHMOD, UTIME, SYNCFS };

/* How the arguments name what is touched. */
enum { FD, PATH, AT_PATH, TWO_PATHS, TWO_AT_PATHS, TARGET_PATH, TARGET_AT_PATH, NOTHING };

static const struct call { int nr, op, shape; } calls[] = {
#ifdef __NR_open
    {__NR_open, OPEN, PATH}, {__NR_creat, OPEN, PATH}, {__NR_rename, RENAME, TWO_PATHS},
    {__NR_unlink, UNLINK, PATH}, {__NR_rmdir, RMDIR, PATH}, {__NR_mkdir, MKDIR, PATH},
    {__NR_link, LINK, TWO_PATHS}, {__NR_symlink, SYMLINK, TARGET_PATH}, {__NR_chmod, CHMOD, PATH},
    {__NR_renameat, RENAME, TWO_AT_PATHS},
#endif
    {__NR_openat, OPEN, AT_PATH}, {__NR_write, WRITE, FD}, {__NR_pwrite64, WRITE, FD},
    {__NR_writev, WRITE, FD}, {__NR_sendfile, WRITE, FD}, {__NR_copy_file_range, WRITE, FD},
    {__NR_ftruncate, TRUNCATE, FD}, {__NR_truncate, TRUNCATE, PATH},
    {__NR_renameat2, RENAME, TWO_AT_PATHS}, {__NR_unlinkat, UNLINK, AT_PATH},
    {__NR_mkdirat, MKDIR, AT_PATH}, {__NR_linkat, LINK, TWO_AT_PATHS},
    {__NR_symlinkat, SYMLINK, TARGET_AT_PATH}, {__NR_fsync, SYNC, FD}, {__NR_fdatasync, SYNC, FD},
    {__NR_syncfs, SYNCFS, FD}, {__NR_sync, SYNCFS, NOTHING}, {__NR_fchmod, CHMOD, FD}, {__NR_fchmodat, CHMOD, AT_PATH},
    {__NR_utimensat, UTIME, AT_PATH},
};
#define CALLS (sizeof calls / sizeof *calls)

static volatile int64_t *control;
static const char *root, *trace_path;
static size_t root_length;
static int trace = -1;

static long raw(long nr, long a, long b, long c, long d, long e) {
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = MAGIC;
    long result;
    /* The mark must not stay in the register: the next call of libc would pass for one of ours. */
    __asm__ volatile("syscall\n\txor %%r9d, %%r9d" : "=a"(result), "+r"(r9)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = nr, x0 __asm__("x0") = a, x1 __asm__("x1") = b,
        x2 __asm__("x2") = c, x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = MAGIC;
    __asm__ volatile("svc 0\n\tmov x5, 0" : "+r"(x0), "+r"(x5)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
#endif
}

static void name_of_descriptor(int fd, char *out) {
    char link[32] = "/proc/self/fd/";
    char digits[12];
    int n = 0, at = 14;
    unsigned value = fd;
    do digits[n++] = '0' + value % 10; while (value /= 10);
    while (n) link[at++] = digits[--n];
    link[at] = 0;
    ssize_t length = readlink(link, out, 4095);
    out[length < 0 ? 0 : length] = 0;
}

static void name_of_path(int folder, const char *path, char *out) {
    size_t length = 0;
    out[0] = 0;
    if (!path) return;
    if (path[0] != '/') {
        if (folder == AT_FDCWD) { if (raw(__NR_getcwd, (long)out, 4095, 0, 0, 0) < 0) out[0] = 0; }
        else name_of_descriptor(folder, out);
        length = strlen(out);
        if (length < 4094) out[length++] = '/';
    }
    strncpy(out + length, path, 4095 - length);
    out[4095] = 0;
}

static int is_ours(const char *name) {
    return !strncmp(name, root, root_length) && (name[root_length] == '/' || !name[root_length]);
}

static void names(const struct call *call, const long *a, char *one, char *two) {
    two[0] = 0;
    switch (call->shape) {
    case NOTHING: strcpy(one, root); break;
    case FD: name_of_descriptor(a[0], one); break;
    case PATH: name_of_path(AT_FDCWD, (char *)a[0], one); break;
    case AT_PATH:
        if (a[1]) name_of_path(a[0], (char *)a[1], one);
        else name_of_descriptor(a[0], one);
        break;
    case TWO_PATHS:
        name_of_path(AT_FDCWD, (char *)a[0], one), name_of_path(AT_FDCWD, (char *)a[1], two); break;
    case TWO_AT_PATHS:
        name_of_path(a[0], (char *)a[1], one), name_of_path(a[2], (char *)a[3], two); break;
    case TARGET_PATH:
        name_of_path(AT_FDCWD, (char *)a[1], one), strncpy(two, (char *)a[0], 4095); break;
    case TARGET_AT_PATH:
        name_of_path(a[1], (char *)a[2], one), strncpy(two, (char *)a[0], 4095); break;
    }
}

struct entry { int64_t number, pid, op, result, offset, flags, one, two, size; };

static void note(const struct call *call, const long *a, long result, int64_t number, char *one, char *two) {
    struct entry entry = {number, getpid(), call->op, result, 0, 0, strlen(one), strlen(two), 0};
    struct iovec parts[4] = {{&entry, sizeof entry}, {one, entry.one}, {two, entry.two}, {0, 0}};
    if (call->op == WRITE && result > 0 && (call->nr == __NR_write || call->nr == __NR_pwrite64)) {
        entry.size = result;
        entry.offset = call->nr == __NR_write ? lseek(a[0], 0, SEEK_CUR) - result : a[3];
        parts[3] = (struct iovec){(void *)a[1], result};
    }
    if (call->op == OPEN) entry.flags = a[call->shape == PATH ? 1 : 2];
    if (call->op == UNLINK) entry.flags = call->shape == PATH ? 0 : a[2];
    if (call->nr == __NR_renameat2) entry.flags = a[4];
    if (call->op == TRUNCATE) entry.offset = a[1];
    raw(__NR_writev, trace, (long)parts, 4, 0, 0);
}

static void stop_everybody(void) {
    int self = getpid();
    raw(__NR_kill, control[WORKER], SIGKILL, 0, 0, 0);
    if (control[ORPHANS] && self != control[WORKER]) return;
    for (int64_t i = 0; i < control[PIDS] && i < 1000; i++)
        if (control[PID + i] != self) raw(__NR_kill, control[PID + i], SIGKILL, 0, 0, 0);
    raw(__NR_kill, self, SIGKILL, 0, 0, 0);
}

static int is_due(int64_t number, int op) {
    if (!control[ACTION] || control[FREED] || !(control[MASK] >> op & 1)) return 0;
    /* Git makes folders for its objects as it needs them, so that the same call may have another
       number: the first one of its kind from there on is struck. */
    return number >= control[AT] && (control[FROM_ON] || !control[HITS]);
}

static long half(const struct call *call, const long *a) {
    if (call->nr != __NR_write && call->nr != __NR_pwrite64) return raw(call->nr, a[0], a[1], a[2], a[3], a[4]);
    long size = a[2] > 1 ? a[2] / 2 : a[2];
    return raw(call->nr, a[0], a[1], size, a[3], a[4]);
}

static long carry_out(const struct call *call, const long *a, int is_now) {
    int64_t action = is_now ? control[ACTION] : 0;
    if (is_now) __atomic_add_fetch(&control[HITS], 1, __ATOMIC_SEQ_CST);
    if (action == KILL_BEFORE) stop_everybody();
    if (action == JUMP) control[CLOCK] += control[VALUE];
    if (action == FAIL) return -control[VALUE];
    if (action == SHORT) return half(call, a);
    long result = raw(call->nr, a[0], a[1], a[2], a[3], a[4]);
    if (action == KILL_AFTER) stop_everybody();
    return result;
}

static long judge(const struct call *call, const long *a) {
    static _Thread_local char one[4096], two[4096];
    if (call->nr == __NR_copy_file_range) return -ENOSYS; /* Its sixth argument is in use: the caller writes. */
    if (!control) return raw(call->nr, a[0], a[1], a[2], a[3], a[4]);
    names(call, a, one, two);
    if (!is_ours(one) && !is_ours(two)) return raw(call->nr, a[0], a[1], a[2], a[3], a[4]);
    int64_t number = __atomic_add_fetch(&control[COUNT], 1, __ATOMIC_SEQ_CST);
    long result = carry_out(call, a, is_due(number, call->op));
    if (trace >= 0) note(call, a, result, number, one, two);
    return result;
}

static void on_call(int signal, siginfo_t *info, void *context) {
    (void)signal;
    int saved = errno;
    ucontext_t *u = context;
#if defined(__x86_64__)
    greg_t *r = u->uc_mcontext.gregs;
    long a[5] = {r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8]};
#define RESULT r[REG_RAX]
#elif defined(__aarch64__)
    unsigned long long *r = u->uc_mcontext.regs;
    long a[5] = {r[0], r[1], r[2], r[3], r[4]};
#define RESULT r[0]
#endif
    for (size_t i = 0; i < CALLS; i++)
        if (calls[i].nr == info->si_syscall) { RESULT = judge(&calls[i], a); break; }
    errno = saved;
}

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

static int filter(void) {
    struct sock_filter code[16 + 8 * CALLS];
    int n = 0;
    code[n++] = (struct sock_filter)LOAD(args[5]);
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MAGIC, 0, 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    for (size_t i = 0; i < CALLS; i++) {
        int is_open = calls[i].op == OPEN;
        code[n++] = (struct sock_filter)LOAD(nr);
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].nr, 0, is_open ? 3 : 1);
        if (is_open) { /* Opened for reading alone, nothing changes. */
            code[n++] = calls[i].shape == PATH ? (struct sock_filter)LOAD(args[1]) : (struct sock_filter)LOAD(args[2]);
            code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_WRONLY | O_RDWR | O_CREAT, 0, 1);
        }
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* The orders in the file `path` hold for this process from now on. */
int faults_attach(const char *path, int is_worker) {
    int fd = raw(__NR_openat, AT_FDCWD, (long)path, O_RDWR | O_CLOEXEC, 0, 0);
    if (fd < 0) return -1;
    char *mapped = mmap(0, CONTROL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED) return -1;
    root = mapped + 8192, trace_path = mapped + 10240, root_length = strlen(root);
    volatile int64_t *found = (volatile int64_t *)mapped;
    if (is_worker) found[WORKER] = getpid();
    int64_t place = __atomic_fetch_add(&found[PIDS], 1, __ATOMIC_SEQ_CST);
    if (place < 1000) found[PID + place] = getpid();
    if (*trace_path) {
        int low = raw(__NR_openat, AT_FDCWD, (long)trace_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600, 0);
        trace = fcntl(low, F_DUPFD_CLOEXEC, 700);
        close(low);
    }
    control = found;
    return 0;
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
    sigaction(SIGSYS, &action, 0);
    const char *path = getenv(CONTROL_VARIABLE);
    /* A git inherits the filter of the host that started it. */
    if (path) faults_attach(path, 0);
    else if (filter()) _exit(99);
}

/* The clock and the events of the kernel are no changes of files: they are replaced by name. */

int clock_gettime(clockid_t clock, struct timespec *now) {
    long result = raw(__NR_clock_gettime, clock, (long)now, 0, 0, 0);
    if (result < 0) { errno = -result; return -1; }
    if (control && clock == CLOCK_REALTIME) now->tv_sec += control[CLOCK];
    return 0;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec moment;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &moment);
    now->tv_sec = moment.tv_sec, now->tv_usec = moment.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    if (out) *out = moment.tv_sec;
    return moment.tv_sec;
}

static long told(void *buffer, size_t size, long got) {
    if (control[INOTIFY] == SILENT) { /* Read, and never told. */
        errno = EAGAIN;
        return -1;
    }
    if (control[INOTIFY] == OVERFLOW) {
        struct inotify_event event = {.wd = -1, .mask = IN_Q_OVERFLOW};
        memcpy(buffer, &event, sizeof event);
        return sizeof event;
    }
    if (control[INOTIFY] == DUPLICATED && (size_t)got * 2 <= size) {
        memcpy((char *)buffer + got, buffer, got);
        return got * 2;
    }
    if (control[INOTIFY] == LATE) usleep(control[VALUE] * 1000);
    return got;
}

ssize_t read(int fd, void *buffer, size_t size) {
    long got = raw(__NR_read, fd, (long)buffer, size, 0, 0);
    if (got < 0) { errno = -got; return -1; }
    if (!control || !control[INOTIFY]) return got;
    static _Thread_local char name[4096];
    name_of_descriptor(fd, name);
    if (strcmp(name, "anon_inode:inotify")) return got;
    control[HITS]++;
    return told(buffer, size, got);
}
