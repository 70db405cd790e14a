public import Events
public import Outcomes

/// Where a legacy state lies in the process.
public struct LegacyPlace: Hashable, Sendable {
    /// The step that the state belongs to; nil for a hold, which stays in the step the entity is in.
    public var step: StepNumber?
    /// The step that is complete in the state; nil when the state is no boundary.
    public var completed: StepNumber?
    /// True when nothing leaves the state.
    public var isFinal: Bool
    /// True for a state of no step, for instance a hold, that something leaves.
    public var isBesideSteps: Bool { step == nil && completed == nil && !isFinal }

    /// A place.
    public init(step: StepNumber?, completed: StepNumber? = nil, isFinal: Bool = false) {
        self.step = step
        self.completed = completed
        self.isFinal = isFinal
    }
}

/// What a legacy machine made of one event.
public enum LegacyHandling: Hashable, Sendable {
    /// The record is in `to` now.
    case moved(to: String)
    /// Dropped on purpose.
    case ignored(reason: String)
    /// The machine says nothing about the event.
    case undefined
    /// It failed for now; handle the same event again after this time.
    case retry(after: Duration, reason: String)
    /// All attempts failed, and the record waits in `to`.
    case exhausted(to: String, reason: String)
    /// It failed for good.
    case failed(reason: String)
}

/// What a legacy machine made of one event, and what it leaves to be stored.
public struct LegacyResult: Sendable {
    /// What it made of the event.
    public var handling: LegacyHandling
    /// The new record when the caller stores it; nil when it did not change, or when the machine keeps its records itself.
    public var record: RecordBody?
    /// External ids by which senders name the entity from now on.
    public var references: [String]

    /// A result.
    public init(_ handling: LegacyHandling, record: RecordBody? = nil, references: [String] = []) {
        self.handling = handling
        self.record = record
        self.references = references
    }
}

/// A record whose state or body the machine of this build does not know.
public struct UnknownRecord: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: expected, found, remedy.
    public let description: String

    /// An error.
    public init(_ description: String) { self.description = description }
}

/// Where the states of a legacy machine lie, and what they wait for. States are texts here, since a machine may be another process.
public protocol LegacyTable: Sendable {
    /// Where `state` lies; throws ``UnknownRecord`` for a state that the machine does not have.
    func place(of state: String) throws -> LegacyPlace
    /// True when the machine does something on `event` in `state`.
    func handles(_ event: EventKind, in state: String) throws -> Bool
    /// The timers that a record in `state` is to be sent at `now`.
    func timers(for times: RecordTimes, in state: String, at now: Timestamp) throws -> [SweepTimer]
    /// When a record in `state` is to be sent its next timer; nil for never.
    func nextDue(for times: RecordTimes, in state: String) throws -> Timestamp?
}

/// A legacy machine in this process, whose records the caller stores. One that runs elsewhere is a ``LegacyService``.
public protocol LegacyRuntime: LegacyTable {
    /// Lets the machine handle `event` for a record in `state`.
    ///
    /// `times` show whether a timer was sent for a wait that is over. `attempt` counts from 1. Effects go through `effects`, which performs
    /// each once. Throws ``UnknownRecord`` for a state or a record that the machine does not know.
    func handle(
        _ event: Event, in state: String, record: RecordBody, times: RecordTimes, attempt: Int, effects: EffectSession
    ) async throws -> LegacyResult
}
