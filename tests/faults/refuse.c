/* Refuses, or cuts short, what a program asks of the disk below one folder: to be loaded before the C library.

   Python, Rust, FFmpeg and HDF5 call these functions of the C library alike, so that faults reach those that never pass
   through Python. What a stream (FILE *) writes leaves the C library from inside, so streams that write are replaced by
   streams whose last step is `write` here (fopencookie(3)): their buffers, and what a late flush loses, stay as they are.

   Environment, read when the library is loaded; `refuse_arm` sets the same in a running process:
     REFUSE_BELOW   folder; nothing happens to what lies elsewhere
     REFUSE_CALLS   which calls count: any of o(pen) w(rite) s(ync) r(ename)
     REFUSE_ERRNO   number of the error; 0 makes writes short instead: half of what was asked, once
     REFUSE_AFTER   how many calls go well before
     REFUSE_BYTES   how many bytes are written before; -1 for no limit
     REFUSE_ONCE    1: one refusal alone, 0: from then on all of them
     REFUSE_LOG     file that gets a line for each refusal; empty for none */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char below[PATH_MAX], calls[8], log_path[PATH_MAX];
static int number, once, struck;
static long after, room, seen, written;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name, type) ((type)real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

void refuse_arm(const char *folder, const char *which, int error, long good, long bytes, int single, const char *log) {
    pthread_mutex_lock(&lock);
    snprintf(below, sizeof below, "%s", folder);
    snprintf(calls, sizeof calls, "%s", which);
    snprintf(log_path, sizeof log_path, "%s", log);
    number = error, after = good, room = bytes, once = single, seen = written = struck = 0;
    pthread_mutex_unlock(&lock);
}

long refuse_seen(void) { return seen; }
long refuse_written(void) { return written; }

static long number_of(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

__attribute__((constructor)) static void start(void) {
    const char *folder = getenv("REFUSE_BELOW"), *which = getenv("REFUSE_CALLS"), *log = getenv("REFUSE_LOG");
    if (folder)
        refuse_arm(folder, which ? which : "w", number_of("REFUSE_ERRNO", ENOSPC), number_of("REFUSE_AFTER", 0),
                   number_of("REFUSE_BYTES", -1), number_of("REFUSE_ONCE", 0), log ? log : "");
}

static int inside(const char *path) {
    char whole[PATH_MAX];
    if (!below[0])
        return 0;
    if (path[0] != '/') {
        if (!getcwd(whole, sizeof whole))
            return 0;
        size_t length = strlen(whole);
        snprintf(whole + length, sizeof whole - length, "/%s", path);
        path = whole;
    }
    size_t length = strlen(below);
    return !strncmp(path, below, length) && (path[length] == '/' || !path[length]);
}

static int path_of(int handle, char *path) {
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(name, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0;
}

static void tell(char call, const char *path) {
    char line[PATH_MAX + 64];
    if (!log_path[0])
        return;
    int length = snprintf(line, sizeof line, "%c %d %s\n", call, number, path);
    long handle = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (handle >= 0) {
        syscall(SYS_write, handle, line, length);
        syscall(SYS_close, handle);
    }
}

/* Decide over one call. Returns 0 to let it pass, else 1; `*size`, where given, may become what still has room. */
static int strikes(char call, const char *path, size_t *size) {
    if (!strchr(calls, call) || !calls[0] || !inside(path))
        return 0;
    pthread_mutex_lock(&lock);
    int strike = 0;
    seen++;
    if (!(once && struck)) {
        if (room < 0)
            strike = seen > after;
        else if (size && written + (long)*size > room) {
            /* A disk takes what has room, and refuses the next write. */
            long left = room - written;
            if (number && left > 0) {
                *size = left;
                tell(call, path);
            } else
                strike = 1;
        }
    }
    if (strike && !number && size) { /* short, not refused */
        strike = 0;
        if (*size > 1) {
            *size /= 2;
            struck = 1;
            tell(call, path);
        }
    }
    if (size && !strike)
        written += *size;
    if (strike) {
        struck = 1;
        tell(call, path);
    }
    pthread_mutex_unlock(&lock);
    return strike;
}

static int refuses_handle(char call, int handle, size_t *size) {
    char path[PATH_MAX];
    if (!below[0] || !path_of(handle, path) || !strikes(call, path, size))
        return 0;
    errno = number ? number : EIO;
    return 1;
}

static int refuses_path(char call, const char *path) {
    if (!below[0] || !strikes(call, path, NULL))
        return 0;
    errno = number ? number : EIO;
    return 1;
}

ssize_t write(int handle, const void *data, size_t size) {
    if (refuses_handle('w', handle, &size))
        return -1;
    return REAL(write, ssize_t (*)(int, const void *, size_t))(handle, data, size);
}

#define PWRITE(name, offset_type)                                                                                      \
    ssize_t name(int handle, const void *data, size_t size, offset_type place) {                                       \
        if (refuses_handle('w', handle, &size))                                                                        \
            return -1;                                                                                                 \
        return REAL(name, ssize_t (*)(int, const void *, size_t, offset_type))(handle, data, size, place);             \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int handle, const struct iovec *parts, int count) {
    size_t size = 0, first = count ? parts[0].iov_len : 0;
    for (int each = 0; each < count; each++)
        size += parts[each].iov_len;
    size_t left = size;
    if (refuses_handle('w', handle, &left))
        return -1;
    if (left == size)
        return REAL(writev, ssize_t (*)(int, const struct iovec *, int))(handle, parts, count);
    /* Cut short within the first part. */
    return REAL(write, ssize_t (*)(int, const void *, size_t))(handle, parts[0].iov_base, left < first ? left : first);
}

/* Copies within the kernel, as Python's shutil makes them. */
#define SENDFILE(name, offset_type)                                                                                    \
    ssize_t name(int to, int from, offset_type *place, size_t size) {                                                  \
        struct stat about;                                                                                             \
        off64_t now = place ? *place : lseek64(from, 0, SEEK_CUR);                                                     \
        if (!fstat(from, &about) && (long)size > about.st_size - now)                                                  \
            size = about.st_size > now ? about.st_size - now : 0;                                                      \
        if (size && refuses_handle('w', to, &size))                                                                    \
            return -1;                                                                                                 \
        return REAL(name, ssize_t (*)(int, int, offset_type *, size_t))(to, from, place, size);                        \
    }
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

#define SYNC(name)                                                                                                     \
    int name(int handle) { return refuses_handle('s', handle, NULL) ? -1 : REAL(name, int (*)(int))(handle); }
SYNC(fsync)
SYNC(fdatasync)

/* Room that is asked for beforehand, as for a mapped file. */
#define ALLOCATE(name, offset_type)                                                                                    \
    int name(int handle, offset_type start, offset_type length) {                                                      \
        size_t size = length;                                                                                          \
        if (refuses_handle('w', handle, &size))                                                                        \
            return errno;                                                                                              \
        if ((long)size < (long)length)                                                                                 \
            return number;                                                                                             \
        return REAL(name, int (*)(int, offset_type, offset_type))(handle, start, length);                              \
    }
ALLOCATE(posix_fallocate, off_t)
ALLOCATE(posix_fallocate64, off64_t)

int rename(const char *from, const char *to) {
    return refuses_path('r', to) ? -1 : REAL(rename, int (*)(const char *, const char *))(from, to);
}

int renameat(int a, const char *from, int b, const char *to) {
    if (refuses_path('r', to))
        return -1;
    return REAL(renameat, int (*)(int, const char *, int, const char *))(a, from, b, to);
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = va_arg(rest, mode_t);                                                                            \
        va_end(rest);                                                                                                  \
        if ((flags & (O_CREAT | O_WRONLY | O_RDWR)) && refuses_path('o', path))                                        \
            return -1;                                                                                                 \
        return REAL(name, int (*)(const char *, int, ...))(path, flags, mode);                                         \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                                   \
    int name(int folder, const char *path, int flags, ...) {                                                           \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = va_arg(rest, mode_t);                                                                            \
        va_end(rest);                                                                                                  \
        if ((flags & (O_CREAT | O_WRONLY | O_RDWR)) && refuses_path('o', path))                                        \
            return -1;                                                                                                 \
        return REAL(name, int (*)(int, const char *, int, ...))(folder, path, flags, mode);                            \
    }
OPENAT(openat)
OPENAT(openat64)

static ssize_t stream_write(void *cookie, const char *data, size_t size) {
    ssize_t done = write((int)(long)cookie, data, size);
    return done < 0 ? 0 : done;
}
static ssize_t stream_read(void *cookie, char *data, size_t size) { return read((int)(long)cookie, data, size); }
static int stream_seek(void *cookie, off64_t *place, int from) {
    *place = lseek64((int)(long)cookie, *place, from);
    return *place < 0 ? -1 : 0;
}
static int stream_close(void *cookie) { return close((int)(long)cookie); }
static const cookie_io_functions_t STREAM = {stream_read, stream_write, stream_seek, stream_close};

FILE *fdopen(int handle, const char *mode) {
    char path[PATH_MAX];
    if (below[0] && strpbrk(mode, "wa+") && path_of(handle, path) && inside(path))
        return fopencookie((void *)(long)handle, mode, STREAM);
    return REAL(fdopen, FILE *(*)(int, const char *))(handle, mode);
}

static FILE *open_stream(const char *path, const char *mode) {
    int flags = strchr(mode, '+') ? O_RDWR : O_WRONLY;
    flags |= mode[0] == 'r' ? 0 : O_CREAT | (mode[0] == 'a' ? O_APPEND : O_TRUNC);
    int handle = open(path, flags, 0666);
    return handle < 0 ? NULL : fopencookie((void *)(long)handle, mode, STREAM);
}

#define FOPEN(name)                                                                                                    \
    FILE *name(const char *path, const char *mode) {                                                                   \
        if (below[0] && strpbrk(mode, "wa+") && inside(path))                                                          \
            return open_stream(path, mode);                                                                            \
        return REAL(name, FILE *(*)(const char *, const char *))(path, mode);                                          \
    }
FOPEN(fopen)
FOPEN(fopen64)
