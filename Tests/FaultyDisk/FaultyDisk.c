#define _GNU_SOURCE
#include "FaultyDisk.h"
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { int after, times, error; } plans[2];
static int failures;

int faulty_disk_fail(FaultyDiskOperation operation, int after, int times, int error) {
    pthread_mutex_lock(&lock);
    plans[operation].after = after;
    plans[operation].times = times;
    plans[operation].error = error;
    int count = failures;
    failures = 0;
    pthread_mutex_unlock(&lock);
    return count;
}

/// The errno with which this call is to fail; 0 when it is not.
static int strike(FaultyDiskOperation operation) {
    pthread_mutex_lock(&lock);
    int error = 0;
    if (plans[operation].after > 0) {
        plans[operation].after--;
    } else if (plans[operation].times > 0) {
        plans[operation].times--;
        failures++;
        error = plans[operation].error;
    }
    pthread_mutex_unlock(&lock);
    return error;
}

#ifdef __linux__

// libsqlite3.so calls these instead of the C library's.

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
    int error = strike(FaultyDiskWrite);
    if (error) return errno = error, -1;
    return syscall(SYS_pwrite64, file, bytes, count, offset);
}

int fdatasync(int file) {
    int error = strike(FaultyDiskSync);
    if (error) return errno = error, -1;
    return syscall(SYS_fdatasync, file);
}

#endif
