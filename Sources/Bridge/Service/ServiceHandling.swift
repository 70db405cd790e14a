import Cutover
import DurableWorkflow
package import Events
package import HybridRouter
import LegacyStateMachine

// What one lane does, with a failure that waits longer each time instead of trying again at once.

extension EventBridge {
    /// Handles an event that was claimed. What fails is decided anew after `backoff`, or set aside; only a failure of the environment goes
    /// on to the caller.
    package func handle(_ claim: EventClaim, on clock: any ServiceClock, backoff: (Int) -> Duration) async throws {
        let sequence = claim.message.sequence
        do { try await handle(claim.message, claim.event, at: clock.now) } catch let error where Self.isOvertaken(error) {
            // Somebody else wrote it: what that has put before this event has to be known first.
            try await releasing(sequence) { _ = try await loadForeignChange() }
        } catch {
            if pipeline.waitForService(sequence, after: error, at: clock.now) { return }
            do { try await pipeline.setAside(claim.message, after: error, at: clock.now) } catch {
                pipeline.release(sequence)
                throw error
            }
            // What was set aside is read again when somebody releases it.
            if pipeline.isStopped(claim.message.entity) { return pipeline.complete(sequence) }
            pipeline.postpone(sequence, until: clock.now + backoff(pipeline.failureCount(of: sequence)))
        }
    }

    private func releasing(_ sequence: Int, _ body: () async throws -> Void) async throws {
        defer { pipeline.release(sequence) }
        try await body()
    }

    /// The entity changed hands or was written, or the migration was halted, between the read and the commit.
    private static func isOvertaken(_ error: any Error) -> Bool { error is StaleEpoch || error is StaleRecord || error is MigrationHalted }

    /// Sends a message that was claimed. It is tried again, later each time, until it is sent or set aside.
    package func send(_ message: OutboxMessage, on clock: any ServiceClock, backoff: (Int) -> Duration) async throws {
        do {
            try await send(message)
            try await store.markDone(message)
            pipeline.sent(message)
        } catch {
            defer { pipeline.releaseMessage(message) }
            try await pipeline.setAside(message, after: error, at: clock.now)
            if pipeline.isStopped(message.entity) { return }
            try await clock.sleep(until: clock.now + backoff(pipeline.failureCount(of: -message.sequence)))
        }
    }
}

extension EventBridge {
    /// The event to handle next, which nobody else gets now; nil when none is visible at `now`.
    package func claim(at now: Timestamp) -> EventClaim? {
        pipeline.claim(at: now).map { EventClaim(message: $0.message, event: $0.event) }
    }

    /// The message to send next, which nobody else gets now; nil when there is none.
    package func claimMessage() -> OutboxMessage? { pipeline.claimMessage() }

    /// The entity that two lanes have had at the same time; nil, or it is a fault of this program.
    package var redelivered: EntityID? { pipeline.redelivered }

    /// Lets claims end while their calls are under way: the fault that ``EntityInTwoLanes`` is there to find.
    package func expireClaims(after timeout: Duration) { pipeline.expireClaims(after: timeout) }
}

/// An event that a lane has claimed.
package struct EventClaim: Sendable {
    let message: QueueMessage
    let event: Event?
}

/// Two lanes have the same entity: a fault of this program, and the one thing that must never be.
struct EntityInTwoLanes: Error, CustomStringConvertible {
    let entity: EntityID
    var description: String { "\(entity): expected one lane to have it, found two; stop the service and report it" }
}
