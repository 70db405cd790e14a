public import Events
public import Outcomes

/// How a step of a segment ended: the input of the activity that makes it true.
public struct StepEnd: Codable, Hashable, Sendable {
    /// How a step ends.
    public enum Way: Codable, Hashable, Sendable {
        /// It ran to its end.
        case completed
        /// An event that belongs to no step has ended it.
        case interrupted(by: EventKind)
        /// An event that belongs to no step has moved the entity to another state.
        case moved(by: EventKind)
        /// Its code threw an error.
        case failed(reason: String)
    }

    /// The step it is about.
    public var step: StepNumber
    /// How it ended.
    public var how: Way
    /// The legacy state in which the step ended; nil to stay in the one it entered last.
    public var state: String?
    /// The ids of the signals that the segment has used.
    public var used: [String]
    /// The step that the segment was started to go on with.
    public var next: StepNumber?
    /// True when the code was to answer what belongs to no step; nil for no.
    public var answers: Bool?
    /// The record at the end.
    public var record: JSONValue
    /// The end of the step before, when that is still to be made true, see ``StepSuccessor/isTold``; else empty or nil.
    public var after: [StepEnd]?
    /// When the step last saw to what was due: a wait's deadline passed then. Nil when none has, and in what an older build has written.
    public var checkedAt: Timestamp?
}

/// The step with which a segment goes on after the end of another.
public struct StepSuccessor: Codable, Hashable, Sendable {
    /// The step.
    public var step: StepNumber
    /// False when the end is to be made true together with what the next step comes to: legacy has no state between the two, so nobody
    /// else could go on there.
    public var isTold: Bool

    /// A successor.
    public init(_ step: StepNumber, isTold: Bool = true) {
        self.step = step
        self.isTold = isTold
    }
}

/// A durable step's only way out. The code of a step is the same in every mode; the mode is its runtime.
///
/// *Live* performs effects and writes ownership and record. *Rehearsal* refuses both. A shadow's answers from the owner's ledger and
/// reads, and writes tables of its own; an explorer's answers from a world. None but the live one can reach a party.
public protocol StepRuntime<Record>: Sendable {
    /// What moves through the process.
    associatedtype Record: Codable & Sendable
    /// Runs an activity of a step; returns what it changed in `record`, as a merge patch.
    func perform(_ activity: DurableActivity<Record>, on record: JSONValue, _ context: ActivityContext) async throws -> JSONValue
    /// Makes a wait point true.
    func enter(_ position: StepPosition, _ context: ActivityContext) async throws
    /// Makes an event that the code refuses a dead letter.
    func refuse(_ refusal: StepRefusal, _ context: ActivityContext) async throws
    /// Makes the end of a step true; returns the step with which the segment goes on, nil when it does not.
    func end(_ end: StepEnd, _ context: ActivityContext) async throws -> StepSuccessor?
}

/// The runtime of a rehearsal: a step may wait, and nothing else.
public struct RehearsalRuntime<Record: Codable & Sendable>: StepRuntime {
    /// A runtime.
    public init() {}

    /// Refuses.
    public func perform(_ activity: DurableActivity<Record>, on record: JSONValue, _ context: ActivityContext) async throws -> JSONValue {
        throw refusal("perform \(activity.name)")
    }

    /// Refuses.
    public func enter(_ position: StepPosition, _ context: ActivityContext) async throws { throw refusal("enter \(position.state)") }

    /// Refuses.
    public func refuse(_ refusal: StepRefusal, _ context: ActivityContext) async throws { throw self.refusal("refuse an event") }

    /// Refuses.
    public func end(_ end: StepEnd, _ context: ActivityContext) async throws -> StepSuccessor? { throw refusal("end step \(end.step)") }

    private func refusal(_ what: String) -> ApplicationError {
        ApplicationError(type: "Rehearsal", message: "a rehearsal may not \(what)", isNonRetryable: true)
    }
}
