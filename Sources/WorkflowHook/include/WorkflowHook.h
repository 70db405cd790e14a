#pragma once
#include <stdint.h>

/// Asks the Swift runtime to report jobs that go to the global pool. Call once.
void workflow_hook_install(void);
/// From now on the calling thread drains a workflow.
void workflow_hook_begin(void);
/// Ends it; returns how many jobs the thread has sent to the global pool meanwhile.
int64_t workflow_hook_end(void);
/// Which thread calls; to be compared, nothing else. `pthread_self` is declared to be constant: a compiler may ask it once in a function that
/// goes on, after a wait, on another thread.
const void *workflow_current_thread(void);
/// Which task the calling thread runs; to be compared, nothing else.
const void *workflow_current_task(void);
