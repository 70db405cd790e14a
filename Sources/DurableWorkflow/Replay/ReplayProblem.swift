/// Why a history does not fit the code that is here, for machines.
public struct ReplayProblem: Codable, Hashable, Sendable {
    /// What kind of problem it is.
    public enum Cause: String, Codable, Hashable, Sendable, CaseIterable {
        /// The code does something else than it did.
        case nonDeterminism
        /// There is no code for the type.
        case unknownWorkflowType
        /// The code leaves its executor.
        case escape
        /// The code does not wait.
        case deadlock
        /// The code throws what is no ``WorkflowFailure``.
        case unhandledError
        /// The history cannot be read.
        case unreadableHistory
        /// Anything else; the reason says it.
        case other
    }

    /// The workflow.
    public var workflow: String
    /// Its run.
    public var run: String
    /// Its type.
    public var type: String
    /// The history event at which they part, or the last that the code had seen; nil where there is none.
    public var event: Int?
    /// What the history has, or what code must do.
    public var expected: String?
    /// What the code did.
    public var found: String?
    /// What kind of problem it is.
    public var cause: Cause
    /// One sentence.
    public var reason: String

    /// The problem that `error` is, thrown by a replay of `history`.
    public init(_ error: any Error, replaying history: WorkflowHistory) {
        (workflow, run, type) = (history.workflowID, history.runID, history.workflowType)
        (cause, reason) = (.other, "\(error)")
        switch error {
        case let error as NonDeterminismError:
            (cause, event, expected, found) = (.nonDeterminism, error.eventID, error.expected, error.found)
        case let error as UnknownWorkflowType:
            (cause, expected, found) = (.unknownWorkflowType, "code for type \(error.type)", "none")
        case let error as WorkflowEscape:
            (cause, event, expected, found) = (.escape, error.eventID, "code that awaits only its context", error.construct.rawValue)
        case let error as WorkflowDeadlock:
            (cause, event) = (.deadlock, error.eventID)
            (expected, found) = ("a wait within \(LiveWorkflow.deadlockLimit)", "\(error.took) of work")
        case let error as UnhandledWorkflowError:
            (cause, event, expected, found) = (.unhandledError, error.eventID, "a result or a WorkflowFailure", error.error)
        case is HistoryError, is PayloadError: cause = .unreadableHistory
        default: break
        }
    }
}
