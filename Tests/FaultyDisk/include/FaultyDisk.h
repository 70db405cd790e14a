#pragma once

/// What SQLite asks of the kernel when it writes.
typedef enum { FaultyDiskWrite, FaultyDiskSync } FaultyDiskOperation;

/// From now on the process' calls of `operation` fail with errno `error`: `after` more succeed, then `times` fail. Returns how many calls
/// have failed since it was called last.
///
/// Works where a shared library's calls reach a function of the executable's of the same name, as on Linux.
int faulty_disk_fail(FaultyDiskOperation operation, int after, int times, int error);
