#include "WorkflowHook.h"

typedef __attribute__((swiftcall)) void (*enqueue_function)(void *job);
extern __attribute__((swiftcall)) void (*swift_task_enqueueGlobal_hook)(void *job, enqueue_function original);
extern __attribute__((swiftcall)) const void *swift_task_getCurrent(void);

static _Thread_local int64_t escaped = -1;

static __attribute__((swiftcall)) void note(void *job, enqueue_function original) {
    if (escaped >= 0) escaped++;
    original(job);
}

void workflow_hook_install(void) { swift_task_enqueueGlobal_hook = note; }

void workflow_hook_begin(void) { escaped = 0; }

int64_t workflow_hook_end(void) {
    int64_t count = escaped;
    escaped = -1;
    return count;
}

static _Thread_local char place;

const void *workflow_current_thread(void) { return &place; }

const void *workflow_current_task(void) { return swift_task_getCurrent(); }
