import Cutover
import DurableWorkflow
public import Events
import HybridRouter
import LegacyStateMachine
public import Outcomes

// One bad thing stops one thing: what cannot be handled is set aside with a sentence, and everything else goes on.

extension Pipeline {
    /// How often a row or a message is tried in one process before it is set aside.
    private static var mostFailures: Int { 3 }

    /// Sets an event aside whose handling failed. Only a failure of the environment goes on to the caller.
    func setAside(_ message: QueueMessage, after error: any Error, at now: Timestamp) async throws {
        if try await setAside(ofEntity: message.entity, after: error, at: now) { return }
        guard failures(of: message.sequence) >= Self.mostFailures else { return }
        let reason = "event \(message.sequence) of \(message.entity): handling failed \(Self.mostFailures) times: \(error)"
        try await setAside(.event, String(message.sequence), message.entity, reason, at: now)
    }

    /// Sets a message to the engine aside that the engine refuses.
    func setAside(_ message: OutboxMessage, after error: any Error, at now: Timestamp) async throws {
        if try await setAside(ofEntity: message.entity, after: error, at: now) { return }
        guard failures(of: -message.sequence) >= Self.mostFailures else { return }
        let reason = "\(message.kind.rawValue) of segment \(message.segmentID): the engine refused it \(Self.mostFailures) times: \(error)"
        try await setAside(.message, String(message.sequence), message.entity, reason, at: now)
    }

    /// Sets an entity aside whose sweep or reconciliation failed.
    func setAside(_ entity: EntityID, after error: any Error, at now: Timestamp) async throws {
        if try await setAside(ofEntity: entity, after: error, at: now) { return }
        try await setAside(.entity, entity.rawValue, entity, "\(entity): \(error)", at: now)
    }

    /// Sets an effect aside that only a person can settle.
    func setAside(_ key: EffectKey, of entity: EntityID, at now: Timestamp) async throws {
        let reason = "effect \(key): begun, and nobody knows whether it was done; find out, then 'lockstep migrate settle'"
        try await setAside(.effect, key.description, entity, reason, at: now)
    }

    /// Sets an entity aside for a reason that is no error.
    func setAside(_ entity: EntityID, because reason: String, at now: Timestamp) async throws {
        try await setAside(.entity, entity.rawValue, entity, reason, at: now)
    }

    /// Sets the entity aside when the error itself says what is wrong with it; returns false for every other error. Rethrows a failure of
    /// the environment and a cancellation.
    private func setAside(ofEntity entity: EntityID, after error: any Error, at now: Timestamp) async throws -> Bool {
        if error is any EnvironmentFailure || error is CancellationError { throw error }
        switch error {
        case let error as Unresolved:
            if !error.performed.isEmpty { try await store.keep(error.performed) }
            try await setAside(error.key, of: entity, at: now)
        case let error as HybridRouter.UnreadableRow: try await setAside(.entity, entity.rawValue, entity, error.description, at: now)
        case let error as UnknownRecord: try await setAside(.entity, entity.rawValue, entity, error.description, at: now)
        default: return false
        }
        return true
    }

    private func setAside(_ kind: Quarantined.Kind, _ key: String, _ entity: EntityID, _ reason: String, at now: Timestamp) async throws {
        try await store.quarantine(Quarantined(kind, key: key, entity: entity, reason: reason, since: now))
        forget(entity)
        stop(entity)
    }
}

extension EventBridge {
    /// Lets everything of an entity be handled again, after somebody has looked at it.
    public func release(_ entity: EntityID) async throws {
        let rows = try await store.release(entity)
        pipeline.resume(entity)
        pipeline.forget(entity)
        pipeline.load(rows)
        pipeline.enqueue(try await store.pendingOutbox().filter { $0.entity == entity })
    }

    /// Says what became of an effect that nobody knew the result of: its reply when it was done, nil when it was not. Then its entity
    /// goes on. Returns false when no such effect waits.
    public func settle(_ key: EffectKey, reply: JSONValue?, at now: Timestamp) async throws -> Bool {
        guard let call = try await store.intention(key) else {
            // An answer was stored before, and the process ended before the entity was released.
            let isAside = try await store.quarantined().contains { $0.kind == .effect && $0.key == key.description }
            if isAside { try await release(key.entity) }
            return isAside
        }
        if let reply {
            try await store.keep([LedgerEntry(call, reply: reply)])
        } else {
            try await store.withdraw(key)
        }
        try await release(key.entity)
        return true
    }

    /// Sets aside what an earlier process has begun and not ended with parties that nobody can ask: a person has to. It is told at the
    /// start and not at the next attempt, which can be a day away.
    func strand(at now: Timestamp) async throws {
        for call in try await store.intentions() where !pipeline.isStopped(call.key.entity) {
            try await pipeline.setAside(call.key, of: call.key.entity, at: now)
        }
    }

    /// Gives back to legacy what a segment has that ended without saying so: it was cancelled, terminated or reset by somebody, or it
    /// never began although its start was sent. Returns how many.
    @discardableResult
    public func reconcile(at now: Timestamp) async throws -> Int {
        let limit = 1000
        var count = 0
        var page: [Ownership]
        var last: EntityID?
        repeat {
            page = try await store.durableOwnerships(after: last, limit: limit)
            count += try await reconcile(page, at: now)
            last = page.last?.entity
        } while page.count == limit
        return count
    }

    private func reconcile(_ ownerships: [Ownership], at now: Timestamp) async throws -> Int {
        var count = 0
        // Read after the ownerships: a start that is in neither is known to the engine.
        let unsent = ownerships.isEmpty ? [] : Set(try await store.pendingOutbox().map(\.entity))
        for ownership in ownerships where !pipeline.isStopped(ownership.entity) && !unsent.contains(ownership.entity) {
            do { count += try await giveBack(ownership, at: now) ? 1 : 0 } catch {
                if error is StaleEpoch || error is StaleRecord { continue }
                try await pipeline.setAside(ownership.entity, after: error, at: now)
            }
        }
        return count
    }

    private func giveBack(_ ownership: Ownership, at now: Timestamp) async throws -> Bool {
        let status = try await engine.status(of: ownership.segmentID)
        if let status, !status.isClosed { return false }
        guard let snapshot = try await store.snapshot(of: ownership.entity), snapshot.ownership == ownership else { return false }
        let step = snapshot.ownership.step
        let reason = "its segment \(ownership.segmentID) is \(status?.rawValue ?? "unknown to the engine") and has not ended its step"
        if plan.isRetired(step) {
            try await pipeline.beginAgain(snapshot, because: reason, at: now)
        } else {
            _ = try await pipeline.takeBack(snapshot, .failed(step, reason: reason), at: now)
        }
        return true
    }
}
