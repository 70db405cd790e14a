import DurableWorkflow
import Events
import HybridRouter

// What a service does by the clock.

extension BridgeService {
    /// Something to do at the start and at every whole multiple of a period.
    struct Duty: Sendable {
        let period: Duration
        let perform: @Sendable (Timestamp) async throws -> Void
    }

    var duties: [Duty] {
        let bridge = bridge
        var duties = [
            Duty(period: options.sweepPeriod) { _ = try await bridge.sweep(at: $0) },
            Duty(period: options.reconcilePeriod) { _ = try await bridge.reconcile(at: $0) },
            Duty(period: options.foreignPeriod) { _ in _ = try await bridge.loadForeignChange() },
        ]
        if bridge.domain.service != nil {
            duties.append(Duty(period: options.servicePeriod) { _ = try await bridge.followService(at: $0) })
        }
        if let retention = options.retention {
            duties.append(Duty(period: options.compactionPeriod) { try await Self.forget(retention, at: $0, in: bridge) })
        }
        return duties
    }

    /// Packs what the store has of the time before the retention, and deletes the histories of segments that ended before it, in small
    /// transactions. An engine that does not keep its histories itself has a retention of its own.
    private static func forget(_ retention: Duration, at now: Timestamp, in bridge: EventBridge<State, Record>) async throws {
        _ = try await bridge.store.compact(before: Timestamp(milliseconds: now.milliseconds - retention.milliseconds), limit: 100)
        let limit = 1000
        guard let engine = bridge.engine as? any EngineUpkeep else { return }
        while try await engine.removeClosed(retention: retention, limit: limit) == limit { try Task.checkCancellation() }
    }

    func perform(_ duty: Duty) async {
        do {
            while !Task.isCancelled, !ending.isRequested {
                try await duty.perform(clock.now)
                try await clock.sleep(until: clock.now.next(multipleOf: duty.period))
            }
        } catch { ending.fail(error) }
    }
}
