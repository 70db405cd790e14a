public import Events

/// One event of a workflow's history: the record from which its code is replayed.
public struct HistoryEvent: Codable, Hashable, Sendable {
    /// What happened. Stored as text.
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        /// The run began; attributes: `type`, `input`.
        case workflowStarted
        /// The code ran; its time is what the code saw as now.
        case taskStarted
        /// The code asked for an activity; `sequence`, `name`, `input`.
        case activityScheduled
        /// An activity returned; `sequence`, `result`, `attempt`.
        case activityCompleted
        /// An activity failed for good; `sequence`, `failure`, `attempt`.
        case activityFailed
        /// The code began to wait for a time; `sequence`, `fireAt` in milliseconds.
        case timerStarted
        /// The time came; `sequence`.
        case timerFired
        /// The code no longer waits for it; `sequence`.
        case timerCancelled
        /// A signal arrived; `id`, `name`, `payload`.
        case signalReceived
        /// Somebody asked for cancellation.
        case cancelRequested
        /// The code returned; `result`.
        case workflowCompleted
        /// The code threw; `failure`.
        case workflowFailed
        /// The code ended on a cancellation.
        case workflowCancelled

        /// True for what the code itself decided; these are compared on replay.
        var isCommand: Bool {
            switch self {
            case .activityScheduled, .timerStarted, .timerCancelled, .workflowCompleted, .workflowFailed, .workflowCancelled: true
            case .workflowStarted, .taskStarted, .activityCompleted, .activityFailed, .timerFired, .signalReceived, .cancelRequested: false
            }
        }
    }

    /// From 1, without gaps.
    public var id: Int
    /// What happened.
    public var kind: Kind
    /// When.
    public var at: Timestamp
    /// More; see the kinds.
    public var attributes: JSONValue

    /// An event.
    public init(id: Int, kind: Kind, at: Timestamp, attributes: JSONValue = [:]) {
        self.id = id
        self.kind = kind
        self.at = at
        self.attributes = attributes
    }

    var sequence: Int { attributes["sequence"]?.integer ?? 0 }

    /// What of a command must be the same on replay.
    var identity: String {
        switch kind {
        case .activityScheduled: "\(kind.rawValue) \(sequence) \(attributes["name"]?.string ?? "")"
        case .timerStarted, .timerCancelled: "\(kind.rawValue) \(sequence)"
        default: kind.rawValue
        }
    }
}

/// The code no longer does what the history says it did. The run waits for code that does; it never guesses.
public struct NonDeterminismError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The workflow.
    public let workflowID: String
    /// Its run.
    public let runID: String
    /// The history event at which code and history part; 0 when the code does something the history has no event for.
    public let eventID: Int
    /// What the history has.
    public let expected: String
    /// What the code did.
    public let found: String

    /// One sentence.
    public var description: String {
        "workflow \(workflowID), run \(runID), event \(eventID): expected \(expected), found \(found); deploy code that fits the history"
    }
}

/// Where a run stands.
public enum WorkflowStatus: String, Codable, Hashable, Sendable, CaseIterable {
    /// It has not ended.
    case running
    /// Its code does not fit its history, or escaped the executor; it goes on when right code comes.
    case blocked
    /// It returned.
    case completed
    /// It threw.
    case failed
    /// It ended on a cancellation.
    case cancelled

    /// True when nothing more will happen.
    public var isClosed: Bool { self != .running && self != .blocked }
}
