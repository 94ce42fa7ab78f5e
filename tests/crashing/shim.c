/* Stands between a process and the C library, by LD_PRELOAD, for calls that change files of one
 * folder: counts them, kills the process or fails at a chosen one, or writes them down.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OFF, KILL, TEAR, FAIL, RECORD };

static char folder[PATH_MAX];
static int mode = OFF;
static long first = 0, last = 0, count = 0;
static int error_number = ENOSPC;
static FILE *record = NULL;
static uint64_t seen[1 << 16];
static int inodes = 0;

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__) = NULL; \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

void shim_arm(const char *where, int what, long from, long to, int error, const char *log)
{
    snprintf(folder, sizeof folder, "%s/", where);
    mode = what;
    first = from;
    last = to;
    error_number = error;
    count = 0;
    if (log) record = fopen(log, "wb");
}

long shim_disarm(void)
{
    mode = OFF;
    if (record) fclose(record);
    record = NULL;
    return count;
}

/* What the user was told: it is as much a part of the story as the writes. */
void shim_note(long number)
{
    if (record) fprintf(record, "A %ld\n", number);
}

static int inside(const char *path)
{
    return mode != OFF && path && strncmp(path, folder, strlen(folder)) == 0;
}

static int path_of(int fd, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return 1;
}

static int watched(int fd)
{
    char path[PATH_MAX];
    if (mode == OFF || !path_of(fd, path)) return 0;
    strcat(path, "/");
    return strncmp(path, folder, strlen(folder)) == 0;
}

/* Count a call; 1 where it is to fail. */
static int step(void)
{
    count++;
    if (mode == KILL && count == first) kill(getpid(), SIGKILL);
    return mode == FAIL && count >= first && count <= last;
}

static int tears(void) { return mode == TEAR && count + 1 == first; }

static unsigned long inode(int fd)
{
    struct stat about;
    char path[PATH_MAX];
    fstat(fd, &about);
    for (int i = 0; i < inodes; i++)
        if (seen[i] == about.st_ino) return about.st_ino;
    seen[inodes++] = about.st_ino;
    if (path_of(fd, path)) fprintf(record, "N %lu %s\n", (unsigned long)about.st_ino, path);
    return about.st_ino;
}

static void put(int fd, const struct iovec *parts, int n, off_t at)
{
    size_t size = 0;
    for (int i = 0; i < n; i++) size += parts[i].iov_len;
    flockfile(record); /* another thread may make room meanwhile */
    fprintf(record, "W %lu %ld %zu\n", inode(fd), (long)at, size);
    for (int i = 0; i < n; i++) fwrite(parts[i].iov_base, 1, parts[i].iov_len, record);
    fputc('\n', record);
    funlockfile(record);
}

static ssize_t vector(int fd, const struct iovec *parts, int n, off_t at)
{
    REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off_t);
    if (!watched(fd)) return real(fd, parts, n, at);
    if (tears()) {
        size_t size = 0;
        for (int i = 0; i < n; i++) size += parts[i].iov_len;
        char *all = malloc(size), *to = all;
        for (int i = 0; i < n; i++) {
            memcpy(to, parts[i].iov_base, parts[i].iov_len);
            to += parts[i].iov_len;
        }
        struct iovec half = {all, size / 2};
        real(fd, &half, 1, at);
        kill(getpid(), SIGKILL);
    }
    if (step()) { errno = error_number; return -1; }
    if (mode == RECORD) put(fd, parts, n, at);
    return real(fd, parts, n, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at) { return vector(fd, parts, n, at); }
ssize_t pwritev64(int fd, const struct iovec *parts, int n, off_t at) { return vector(fd, parts, n, at); }

ssize_t pwritev64v2(int fd, const struct iovec *parts, int n, off_t at, int flags)
{
    (void)flags; /* none that matter here */
    return vector(fd, parts, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at)
{
    struct iovec one = {(void *)data, size};
    return vector(fd, &one, 1, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    struct iovec one = {(void *)data, size};
    return vector(fd, &one, 1, at);
}

static int cut(int fd, off_t size)
{
    REAL(int, "ftruncate64", int, off_t);
    if (!watched(fd)) return real(fd, size);
    if (step()) { errno = error_number; return -1; }
    if (mode == RECORD) fprintf(record, "T %lu %ld\n", inode(fd), (long)size);
    return real(fd, size);
}

int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off_t size) { return cut(fd, size); }

/* Not counted: a thread does this when it comes to it, and stories are to be the same each time. */
static int grow(int fd, int how, off_t at, off_t size)
{
    REAL(int, "fallocate64", int, int, off_t, off_t);
    if (!watched(fd)) return real(fd, how, at, size);
    if (mode == FAIL && count >= first && count <= last) { errno = error_number; return -1; }
    if (mode == RECORD) {
        flockfile(record);
        fprintf(record, "E %lu %ld\n", inode(fd), (long)(at + size));
        funlockfile(record);
    }
    return real(fd, how, at, size);
}

int fallocate(int fd, int how, off_t at, off_t size) { return grow(fd, how, at, size); }
int fallocate64(int fd, int how, off_t at, off_t size) { return grow(fd, how, at, size); }

int fsync(int fd)
{
    REAL(int, "fsync", int);
    if (!watched(fd)) return real(fd);
    if (step()) { errno = error_number; return -1; }
    if (mode == RECORD) {
        struct stat about;
        fstat(fd, &about);
        if (S_ISDIR(about.st_mode)) fprintf(record, "D\n");
        else fprintf(record, "S %lu\n", inode(fd));
        return 0;
    }
    return real(fd);
}

int rename(const char *from, const char *to)
{
    REAL(int, "rename", const char *, const char *);
    if (!inside(from)) return real(from, to);
    if (step()) { errno = error_number; return -1; }
    if (mode == RECORD) fprintf(record, "R %s\n%s\n", from, to);
    return real(from, to);
}

int unlink(const char *path)
{
    REAL(int, "unlink", const char *);
    if (!inside(path)) return real(path);
    if (step()) { errno = error_number; return -1; }
    if (mode == RECORD) fprintf(record, "U %s\n", path);
    return real(path);
}
