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

/// Workflow code has left its executor: it would not replay.
public struct WorkflowEscape: Error, Hashable, Sendable, CustomStringConvertible {
    /// The constructs that can be told apart.
    public enum Construct: String, Hashable, Sendable, CaseIterable {
        /// A job went to the global pool while the code ran.
        case unstructuredTask = "Task {}, Task.detached or a task with another executor"
        /// `Task.sleep` reached the executor.
        case sleep = "Task.sleep"
        /// Another thread resumed the code.
        case foreignThread = "an actor, a continuation or I/O that resumed it from another thread"
        /// The code waits for nothing that the workflow knows.
        case awaitsNothing = "an await of something that is not the workflow's"
    }

    /// The workflow.
    public let workflowID: String
    /// Its run.
    public let runID: String
    /// The last event that the code had seen.
    public let eventID: Int
    /// What was used.
    public let construct: Construct

    /// One sentence.
    public var description: String {
        "workflow \(workflowID), run \(runID), event \(eventID): expected code that awaits only its context, found \(construct.rawValue);"
            + " use activities and the context's timers"
    }
}

/// Workflow code ran for too long without waiting.
public struct WorkflowDeadlock: Error, Hashable, Sendable, CustomStringConvertible {
    /// The workflow.
    public let workflowID: String
    /// Its run.
    public let runID: String
    /// The last event that the code had seen.
    public let eventID: Int
    /// How long it ran.
    public let took: Duration

    /// One sentence.
    public var description: String {
        "workflow \(workflowID), run \(runID), event \(eventID): expected to wait within \(LiveWorkflow.deadlockLimit), found \(took) of work;"
            + " move the work into an activity"
    }
}

/// Workflow code threw an error that is no ``WorkflowFailure``: a bug, so the run waits for fixed code.
public struct UnhandledWorkflowError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The workflow.
    public let workflowID: String
    /// Its run.
    public let runID: String
    /// The last event that the code had seen.
    public let eventID: Int
    /// What was thrown.
    public let error: String

    /// One sentence.
    public var description: String {
        "workflow \(workflowID), run \(runID), event \(eventID): expected a result or a WorkflowFailure, found \(error); fix the code, or throw"
            + " an ApplicationError"
    }
}

/// No code is registered for a workflow's type.
public struct UnknownWorkflowType: Error, Hashable, Sendable, CustomStringConvertible {
    /// The workflow.
    public let workflowID: String
    /// The type without code.
    public let type: String

    /// One sentence.
    public var description: String {
        "workflow \(workflowID): expected code for type \(type), found none; register it or deploy the build that has it"
    }
}
