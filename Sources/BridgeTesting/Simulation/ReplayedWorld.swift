public import Events
public import Outcomes
import Synchronization

/// A world whose answers fail where they failed in a recorded run.
///
/// A call or a look-up fails as often as the same key did there, in the same order. A read fails when the same question failed there within
/// an hour of it: legacy looks on the hour, and a durable step's retry a minute later is the same look. Everything else the world answers.
public final class ReplayedWorld: SimulatedWorld {
    private let base: any SimulatedWorld
    private let failures: Mutex<[InjectedFailure]>

    /// A world before `base`.
    public init(_ base: any SimulatedWorld, failures: [InjectedFailure]) {
        self.base = base
        self.failures = Mutex(failures)
    }

    /// Required by ``SimulatedWorld``, which says what it does.
    public func takeLines() -> [TraceLine] { base.takeLines() }
    /// Required by ``SimulatedWorld``, which says what it does.
    public func happen(_ line: TraceLine) throws { try base.happen(line) }
    /// Required by ``SimulatedWorld``, which says what it does.
    public func performed(for entity: EntityID) -> [EffectKey] { base.performed(for: entity) }
    /// Required by ``SimulatedWorld``, which says what it does.
    public func answer(_ key: EffectKey) -> JSONValue? { base.answer(key) }
    /// Required by ``EffectPort``, which says what it does.
    public func kind(of operation: String) -> PartyKind { base.kind(of: operation) }

    /// Required by ``EffectPort``, which says what it does.
    public func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        guard let failure = take({ $0.key == call.key && $0.kind != .lookUp }) else { return try await base.perform(call) }
        if failure.kind == .call(isPerformed: true) { _ = try await base.perform(call) }
        throw failure.error
    }

    /// Required by ``EffectPort``, which says what it does.
    public func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? {
        if let failure = take({ $0.key == key && $0.kind == .lookUp }) { throw failure.error }
        return try await base.reply(to: key)
    }

    /// Required by ``EffectPort``, which says what it does.
    public func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue {
        if let failure = take({ $0.isSame(as: query) }) { throw failure.error }
        return try await base.read(query)
    }

    private func take(_ fits: (InjectedFailure) -> Bool) -> InjectedFailure? {
        failures.withLock { failures in failures.firstIndex(where: fits).map { failures.remove(at: $0) } }
    }
}

extension InjectedFailure {
    fileprivate func isSame(as other: ReadQuery) -> Bool {
        guard let query, query.operation == other.operation, query.request == other.request else { return false }
        return (query.at.milliseconds - other.at.milliseconds).magnitude < UInt64(Duration.hours(1).milliseconds)
    }
}
