import DurableWorkflow
import Events
import Synchronization

/// How a service is.
public struct ServiceHealth: Codable, Hashable, Sendable {
    /// False when it has to be started again.
    public var isLive: Bool
    /// True when deliveries are taken without waiting.
    public var isReady: Bool
    /// Why it is not live or not ready, one sentence each.
    public var reasons: [String]
    /// Lanes that handle an event now.
    public var busyLanes: Int
    /// Attempts of durable activities and other work of the engine that runs now.
    public var busyWorkers: Int
    /// Messages that are being sent to the engine.
    public var busyRelays: Int
    /// Events that wait for nothing but a lane.
    public var waitingEvents: Int
    /// Deliveries whose callers wait for room.
    public var waitingDeliveries: Int
    /// Entities that are set aside: nothing of theirs is handled until somebody has looked, and everybody else's is.
    public var setAside: Int
    /// How the shadow is, which makes no difference to anything else; nil when no step is shadowed.
    public var shadow: ShadowHealth?
}

/// How a shadow is.
public struct ShadowHealth: Codable, Hashable, Sendable {
    /// Commits of the owner that wait in memory.
    public var waiting: Int
    /// Commits that were left out since the start, because too many waited or could not be kept.
    public var leftOut: Int
    /// What went wrong last; nil when nothing has since.
    public var problem: String?
}

extension BridgeService {
    /// How it is now. Reads nothing from the database.
    public var health: ServiceHealth {
        let phase = progress.withLock { $0.phase }
        var reasons: [String] = []
        if let failure = ending.failure { reasons.append("it failed: \(failure)") }
        switch phase {
        case .new: reasons.append("it was not started")
        case .starting: reasons.append("it reads what an earlier process left")
        case .running: break
        case .stopping: reasons.append("it stops")
        case .stopped: reasons.append("it has stopped")
        }
        if let problem = bridge.pipeline.live.serviceProblem { reasons.append(problem) }
        if admission.waiting > 0 { reasons.append("\(admission.waiting.counted("delivery waits", "deliveries wait")) for room") }
        return ServiceHealth(
            isLive: ending.failure == nil && phase != .stopped,
            isReady: phase == .running && ending.failure == nil && admission.waiting == 0, reasons: reasons, busyLanes: events.busy,
            busyWorkers: worker.busyCount, busyRelays: relays.busy, waitingEvents: bridge.pipeline.waitingCount,
            waitingDeliveries: admission.waiting, setAside: bridge.pipeline.stoppedCount,
            shadow: bridge.shadow.map { ShadowHealth(waiting: $0.waiting, leftOut: $0.leftOut, problem: $0.problem) })
    }

    /// How many calls were left when the service was stopped, because they took longer than the grace.
    public var abandonedCalls: Int { progress.withLock { $0.abandoned } }

    /// Deliveries that are being stored now.
    package var admitted: Int { admission.inside }
}
