import DurableWorkflow
public import Events
public import HybridRouter
import Synchronization

// What comes in.

extension BridgeService {
    /// Takes a delivery; returns what became of its events once that is durable. Deliveries of many callers share a commit.
    ///
    /// When more waits than ``ServiceOptions/maximumWaiting`` the caller waits, until there is room; before ``run()`` too. Throws
    /// ``ServiceStopped`` when the service takes no more, and what the database has failed with: then nobody knows whether it was stored,
    /// and whoever delivers it again gets a duplicate at worst.
    public func submit(_ message: WireMessage) async throws -> [Acceptance] { try await submit([message]) }

    /// The same for deliveries in their order.
    public func submit(_ messages: [WireMessage]) async throws -> [Acceptance] {
        try await storing { try await bridge.receive(messages.map(received), at: clock.now) }
    }

    /// Keeps something that no decoder can be given, with the reason.
    public func submit(_ letter: DeadLetter) async throws {
        try await storing {
            var letter = letter
            letter.receivedAt = clock.now
            _ = try await bridge.store.accept([.deadLetter(letter)], at: clock.now)
        }
    }

    /// A delivery as it was received: not later than now.
    private func received(_ message: WireMessage) -> WireMessage {
        var message = message
        message.receivedAt = min(message.receivedAt, clock.now)
        return message
    }

    private func storing<Value>(_ body: () async throws -> Value) async throws -> Value {
        try await admission.enter()
        defer { admission.leave() }
        do { return try await body() } catch {
            if error is any EnvironmentFailure { ending.fail(error) }
            throw error
        }
    }

    /// Returns when nothing is left that could be done at this moment: no event, no message, no call under way. What waits for a time or
    /// for somebody goes on waiting. Returns too when the service has ended.
    public func settled() async throws {
        while !ending.isRequested, try await !isSettled() {
            await events.waitUntilIdle()
            await relays.waitUntilIdle()
            await worker.waitUntilIdle()
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    private func isSettled() async throws -> Bool {
        guard progress.withLock({ $0.phase == .running }), admission.inside == 0, admission.waiting == 0 else { return false }
        let next = [bridge.nextVisible, try await worker.nextDue()].compactMap { $0 }.min()
        return events.busy == 0 && relays.busy == 0 && worker.busyCount == 0 && !bridge.hasUnsent && next.map { $0 > clock.now } ?? true
    }
}
