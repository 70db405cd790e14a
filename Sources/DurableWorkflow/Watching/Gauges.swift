import CoreMetrics
import DequeModule
package import Events
import Synchronization

/// What is due, waits and runs in one queue of activities.
struct QueueCounts: Hashable, Sendable {
    var due = 0
    var waiting = 0
    var running = 0

    /// Counts what an agenda holds. What waits for a rate is due too.
    static func of(_ items: [DueItem.Key: DueItem], waiting: [String: Deque<DueItem>], running: [String], at now: Timestamp)
        -> [String: QueueCounts]
    {
        var counts: [String: QueueCounts] = [:]
        for (key, item) in items where key.kind == .activity && key.at <= now { counts[item.queue, default: QueueCounts()].due += 1 }
        for (queue, held) in waiting {
            counts[queue, default: QueueCounts()].waiting += held.count { items[$0.key] != nil }
        }
        for queue in running { counts[queue, default: QueueCounts()].running += 1 }
        return counts
    }
}

/// What a worker runs and could run.
struct WorkerSlots: Hashable, Sendable {
    var activities = 0
    var freeActivities = 0
    var tasks = 0
    var freeTasks = 0

    static func + (left: WorkerSlots, right: WorkerSlots) -> WorkerSlots {
        WorkerSlots(
            activities: left.activities + right.activities, freeActivities: left.freeActivities + right.freeActivities,
            tasks: left.tasks + right.tasks, freeTasks: left.freeTasks + right.freeTasks)
    }
}

/// The gauges of one queue.
struct QueueHandles: Sendable {
    private let due, waiting, running: Meter

    init(_ make: HandleMaker, _ labels: [String: String]) {
        due = make.meter(.queueDue, labels)
        waiting = make.meter(.queueWaiting, labels)
        running = make.meter(.queueRunning, labels)
    }

    func set(_ counts: QueueCounts) {
        due.set(counts.due)
        waiting.set(counts.waiting)
        running.set(counts.running)
    }
}

/// The gauges of an engine's workers.
struct WorkerHandles: Sendable {
    private let activities, freeActivities, tasks, freeTasks: Meter

    init(_ make: HandleMaker) {
        activities = make.meter(.workerTaskSlotsUsed, ["worker_type": "ActivityWorker"])
        freeActivities = make.meter(.workerTaskSlotsAvailable, ["worker_type": "ActivityWorker"])
        tasks = make.meter(.workerTaskSlotsUsed, ["worker_type": "WorkflowWorker"])
        freeTasks = make.meter(.workerTaskSlotsAvailable, ["worker_type": "WorkflowWorker"])
    }

    func set(_ slots: WorkerSlots) {
        activities.set(slots.activities)
        freeActivities.set(slots.freeActivities)
        tasks.set(slots.tasks)
        freeTasks.set(slots.freeTasks)
    }
}

extension EmbeddedEngine {
    /// Sets the gauges to what is true at `now`.
    package func updateGauges(at now: Timestamp) {
        guard let metrics = watch.metrics else { return }
        metrics.set(cacheSize: liveCount, queues: agenda.counts(at: now), slots: watch.slots)
    }

    /// Sets the gauges every second until the task is cancelled; nil when nobody looks.
    func gaugesEverySecond() -> Task<Void, Never>? {
        guard watch.metrics != nil else { return nil }
        return Task { [weak self] in
            while !Task.isCancelled {
                self?.updateGauges()
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }
}
