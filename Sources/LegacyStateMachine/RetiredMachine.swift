public import Events
public import Outcomes

/// What is left of a legacy machine once its code is gone: where its states lie, and which events they knew. It handles nothing, and
/// nothing of it is ever due.
public struct RetiredMachine: LegacyRuntime {
    private let table: any LegacyTable

    /// What is left of the machine with this table.
    public init(_ table: any LegacyTable) { self.table = table }

    /// Drops the event: durable steps hear what they wait for, and this is none of it.
    public func handle(
        _ event: Event, in state: String, record: RecordBody, times: RecordTimes, attempt: Int, effects: EffectSession
    ) async throws -> LegacyResult {
        LegacyResult(.ignored(reason: try place(of: state).isFinal ? "it has ended; late" : "no step waits for it, and legacy is retired"))
    }

    /// See ``LegacyTable``.
    public func place(of state: String) throws -> LegacyPlace { try table.place(of: state) }

    /// See ``LegacyTable``.
    public func handles(_ event: EventKind, in state: String) throws -> Bool { try table.handles(event, in: state) }

    /// None.
    public func timers(for times: RecordTimes, in state: String, at now: Timestamp) throws -> [SweepTimer] { [] }

    /// Never.
    public func nextDue(for times: RecordTimes, in state: String) throws -> Timestamp? { nil }
}
