/* Runs a program and lets one of its system calls fail, as a disk, a quota or a signal might: each call on files below
 * some folders is handed to this process first (seccomp's user notification), which counts it and lets it go on, or
 * answers in the kernel's place. No symbol of a library is replaced, so it does not matter who makes the call.
 *
 * calls MODE N REPORT FOLDER[:FOLDER]... PROGRAM [ARGUMENT]...
 *
 * MODE  count: nothing fails; log: nothing fails, and REPORT gets a line for each call (its name, its file, and the former
 *       name of what is renamed, by tabs); kill: the program is killed at its N-th call, before it is carried out; short: the N-th
 *       call, if it reads or writes, takes half of what it was asked to; full: from the N-th on, what needs space fails;
 *       a number: the N-th fails with this errno
 * REPORT gets, but for log, the number of calls, and on a second line what the N-th was.
 *
 * Exit code: the program's, 128 and the signal that ended it, or 125 with a line where nothing could be run. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Which argument names the file: a path, a path within the folder of the argument before it, or a descriptor. */
enum named { PATH, AT, FD };
/* What is asked for. */
enum deed { OTHER, TAKES_SPACE, WRITES, READS, OPENS };

static const struct call {
    int number;
    const char *name;
    enum named named;
    int argument;
    enum deed deed;
} calls[] = {
#ifdef __NR_open /* newer architectures have only the calls that end in `at` */
    {__NR_open, "open", PATH, 0, OPENS},
    {__NR_creat, "creat", PATH, 0, TAKES_SPACE},
    {__NR_mkdir, "mkdir", PATH, 0, TAKES_SPACE},
    {__NR_rename, "rename", PATH, 1, OTHER},
    {__NR_unlink, "unlink", PATH, 0, OTHER},
    {__NR_rmdir, "rmdir", PATH, 0, OTHER},
    {__NR_link, "link", PATH, 1, TAKES_SPACE},
    {__NR_stat, "stat", PATH, 0, OTHER},
    {__NR_lstat, "lstat", PATH, 0, OTHER},
#endif
#ifdef __NR_renameat
    {__NR_renameat, "renameat", AT, 3, OTHER},
#endif
#ifdef __NR_newfstatat
    {__NR_newfstatat, "newfstatat", AT, 1, OTHER},
#endif
    {__NR_openat, "openat", AT, 1, OPENS},
    {__NR_mkdirat, "mkdirat", AT, 1, TAKES_SPACE},
    {__NR_renameat2, "renameat2", AT, 3, OTHER},
    {__NR_unlinkat, "unlinkat", AT, 1, OTHER},
    {__NR_linkat, "linkat", AT, 3, TAKES_SPACE},
    {__NR_statx, "statx", AT, 1, OTHER},
    {__NR_read, "read", FD, 0, READS},
    {__NR_pread64, "pread64", FD, 0, OTHER},
    {__NR_readv, "readv", FD, 0, OTHER},
    {__NR_write, "write", FD, 0, WRITES},
    {__NR_pwrite64, "pwrite64", FD, 0, TAKES_SPACE},
    {__NR_writev, "writev", FD, 0, TAKES_SPACE},
    {__NR_fsync, "fsync", FD, 0, OTHER},
    {__NR_fdatasync, "fdatasync", FD, 0, OTHER},
    {__NR_ftruncate, "ftruncate", FD, 0, OTHER},
    {__NR_fchmod, "fchmod", FD, 0, OTHER},
    {__NR_flock, "flock", FD, 0, OTHER},
    {__NR_fcntl, "fcntl", FD, 0, OTHER},
    {__NR_getdents64, "getdents64", FD, 0, OTHER},
    {__NR_copy_file_range, "copy_file_range", FD, 2, TAKES_SPACE},
};
enum { CALLS = sizeof calls / sizeof *calls };

static void fail(const char *what) {
    fprintf(stderr, "calls: %s: %s\n", what, strerror(errno));
    exit(125);
}

/* The filter that hands on the calls above; its descriptor goes to the parent through a socket. */
static void begin(int socket, char **command) {
    struct sock_filter code[CALLS + 3];
    int n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < CALLS; i++)
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, CALLS - i, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    struct sock_fprog program = {.len = n, .filter = code};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) fail("no_new_privs");
    int listener = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (listener < 0) fail("seccomp");
    char byte = 0, control[CMSG_SPACE(sizeof listener)] = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof listener);
    memcpy(CMSG_DATA(head), &listener, sizeof listener);
    if (sendmsg(socket, &message, 0) < 0) fail("sendmsg");
    /* the descriptors are given up by exec */
    fcntl(listener, F_SETFD, FD_CLOEXEC);
    fcntl(socket, F_SETFD, FD_CLOEXEC);
    execvp(*command, command);
    fail(*command);
}

static int received(int socket) {
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(socket, &message, 0) <= 0) exit(125); /* the child has said why */
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (!head) exit(125);
    int listener;
    memcpy(&listener, CMSG_DATA(head), sizeof listener);
    return listener;
}

/* What file a descriptor of the program is of. */
static void opened(pid_t pid, int fd, char *path, size_t room) {
    char link[64];
    snprintf(link, sizeof link, fd == AT_FDCWD ? "/proc/%d/cwd" : "/proc/%d/fd/%d", pid, fd);
    ssize_t n = readlink(link, path, room - 1);
    path[n < 0 ? 0 : n] = 0;
}

static void named(
    const struct seccomp_notif *asked, enum named kind, int argument, char *path, size_t room) {
    path[0] = 0;
    if (kind == FD) {
        opened(asked->pid, (int)asked->data.args[argument], path, room);
        return;
    }
    char text[4096] = {0};
    /* a path may end anywhere within a page behind which nothing may be read */
    size_t at = 0;
    while (at < sizeof text - 1) {
        unsigned long from = asked->data.args[argument] + at;
        size_t n = 4096 - from % 4096;
        if (n > sizeof text - 1 - at) n = sizeof text - 1 - at;
        struct iovec here = {text + at, n}, there = {(void *)from, n};
        if (process_vm_readv(asked->pid, &here, 1, &there, 1, 0) <= 0) break;
        if (memchr(text + at, 0, n)) break;
        at += n;
    }
    if (text[0] == '/') {
        snprintf(path, room, "%s", text);
        return;
    }
    char folder[4096];
    int fd = kind == AT ? (int)asked->data.args[argument - 1] : AT_FDCWD;
    opened(asked->pid, fd, folder, sizeof folder);
    snprintf(path, room, "%s%s%s", folder, *text ? "/" : "", text);
}

static int below(const char *path, char **folders, int n) {
    for (int i = 0; i < n; i++) {
        size_t length = strlen(folders[i]);
        if (!strncmp(path, folders[i], length) && (path[length] == 0 || path[length] == '/')) return 1;
    }
    return 0;
}

/* Writes half of what was asked through a copy of the descriptor, or reads half; -1 where that does not work. */
static long half(const struct seccomp_notif *asked, enum deed deed) {
    size_t n = asked->data.args[2] / 2;
    if (n == 0 || n > 1 << 24) return -1;
    int pidfd = syscall(__NR_pidfd_open, asked->pid, 0);
    if (pidfd < 0) /* a thread that is not the first of its process */
        pidfd = syscall(__NR_pidfd_open, asked->pid, O_EXCL);
    int fd = pidfd < 0 ? -1 : (int)syscall(__NR_pidfd_getfd, pidfd, (int)asked->data.args[0], 0);
    char *bytes = malloc(n);
    long done = -1;
    struct iovec here = {bytes, n}, there = {(void *)asked->data.args[1], n};
    if (fd >= 0 && bytes && deed == WRITES && process_vm_readv(asked->pid, &here, 1, &there, 1, 0) == (ssize_t)n)
        done = write(fd, bytes, n);
    if (fd >= 0 && bytes && deed == READS) {
        done = read(fd, bytes, n);
        here.iov_len = done < 0 ? 0 : done;
        if (done > 0) process_vm_writev(asked->pid, &here, 1, &there, 1, 0);
    }
    free(bytes);
    if (fd >= 0) close(fd);
    if (pidfd >= 0) close(pidfd);
    return done;
}

int main(int count, char **arguments) {
    if (count < 6) {
        fprintf(stderr, "calls: calls MODE N REPORT FOLDER[:FOLDER]... PROGRAM [ARGUMENT]...\n");
        return 125;
    }
    const char *mode = arguments[1];
    long nth = atol(arguments[2]), seen = 0;
    char *folders[16], what[4200] = "", path[8200];
    int n = 0;
    for (char *folder = strtok(arguments[4], ":"); folder && n < 16; folder = strtok(NULL, ":")) folders[n++] = folder;

    FILE *log = strcmp(mode, "log") ? NULL : fopen(arguments[3], "w");
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets)) fail("socketpair");
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
        close(sockets[0]);
        begin(sockets[1], arguments + 5);
    }
    close(sockets[1]);
    int listener = received(sockets[0]);
    struct pollfd watched = {listener, POLLIN, 0};
    while (poll(&watched, 1, -1) >= 0 || errno == EINTR) {
        if (watched.revents & POLLHUP && !(watched.revents & POLLIN)) break;
        struct seccomp_notif asked = {0};
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked)) continue; /* who asked is gone */
        struct seccomp_notif_resp answer = {.id = asked.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
        const struct call *call = calls;
        while (call->number != asked.data.nr) call++;
        named(&asked, call->named, call->argument, path, sizeof path);
        if (below(path, folders, n)) {
            enum deed deed = call->deed;
            int flags = (int)asked.data.args[call->named == AT ? 2 : 1];
            if (deed == OPENS && flags & O_CREAT) deed = TAKES_SPACE;
            int this = ++seen == nth;
            if (this) snprintf(what, sizeof what, "%s %.4000s", call->name, path);
            long done;
            if (!strcmp(mode, "count")) {
            } else if (log) {
                /* of a rename the former name is the path before */
                char former[8200] = "";
                if (strstr(call->name, "rename"))
                    named(&asked, call->named, call->argument - (call->named == AT ? 2 : 1), former, sizeof former);
                fprintf(log, "%s\t%s\t%s\n", call->name, path, former);
            } else if (!strcmp(mode, "kill")) {
                if (this) kill(child, SIGKILL);
            } else if (!strcmp(mode, "short")) {
                if (this && (deed == WRITES || deed == READS) && (done = half(&asked, deed)) >= 0)
                    answer = (struct seccomp_notif_resp){.id = asked.id, .val = done};
            } else if (!strcmp(mode, "full")) {
                if (seen >= nth && (deed == TAKES_SPACE || deed == WRITES))
                    answer = (struct seccomp_notif_resp){.id = asked.id, .error = -ENOSPC};
            } else if (this) {
                answer = (struct seccomp_notif_resp){.id = asked.id, .error = -atoi(mode)};
            }
        }
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
    int status;
    if (waitpid(child, &status, 0) < 0) fail("waitpid");
    FILE *report = log ? log : fopen(arguments[3], "w");
    if (!report) fail(arguments[3]);
    if (!log) fprintf(report, "%ld\n%s\n", seen, what);
    if (fclose(report)) fail(arguments[3]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
