import Events

/// What the code has decided in the present activation and what is still to be compared with the history.
struct PendingCommand {
    var event: HistoryEvent
    var operation: Int?
}

/// Commands in order; taken from the front.
struct CommandQueue {
    private var items: [PendingCommand] = []
    private var head = 0

    var isEmpty: Bool { head == items.count }
    var first: PendingCommand? { isEmpty ? nil : items[head] }

    mutating func append(_ command: PendingCommand) { items.append(command) }

    mutating func removeFirst() {
        head += 1
        if isEmpty { removeAll() }
    }

    mutating func removeAll() {
        items.removeAll(keepingCapacity: true)
        head = 0
    }

    /// Gives back the memory of what was taken.
    mutating func trim() {
        if isEmpty { self = CommandQueue() }
    }

    /// Takes back the command of an operation that was not sent; false when there is none.
    mutating func retract(_ operation: Int) -> Bool {
        guard let index = items[head...].firstIndex(where: { $0.operation == operation }) else { return false }
        items.remove(at: index)
        return true
    }

    /// All that is left, in order.
    var rest: ArraySlice<PendingCommand> { items[head...] }
}

/// Something that the code has begun and that ends later.
struct Operation {
    enum Kind {
        case activity(ActivityCancellationType)
        case localActivity
        case timer(ends: Int?)
        case child(ChildWorkflowCancellationType)
        case externalSignal
        case externalCancel
    }

    /// Where a result goes: to who waits, or kept until somebody does.
    struct Slot {
        var waiter: WorkflowContinuation?
        var outcome: Result<Payload?, any Error>?
    }

    let kind: Kind
    let name: String
    let id: String
    var eventID: Int?
    var runID = ""
    var isCancelSent = false
    /// True for a timer whose end is in the history, though the code has not been shown it.
    var isFired = false
    var started = Slot()
    var result = Slot()

    init(kind: Kind, name: String, id: String) {
        self.kind = kind
        self.name = name
        self.id = id
    }
}

/// A predicate that the code waits for.
struct Condition {
    let id: Int
    let timer: Int?
    let predicate: () -> Bool
    var continuation: WorkflowContinuation?
}

/// A wait for a signal.
struct SignalWait {
    /// Mostly one name; a set of one would be a hundred bytes.
    enum Names {
        case one(String)
        case any(Set<String>)

        init(_ names: Set<String>) {
            if names.count == 1, let name = names.first { self = .one(name) } else { self = .any(names) }
        }

        func contains(_ name: String) -> Bool {
            switch self {
            case .one(let one): one == name
            case .any(let names): names.contains(name)
            }
        }

        var all: Set<String> {
            switch self {
            case .one(let name): [name]
            case .any(let names): names
            }
        }
    }

    let id: Int
    let names: Names
    var timer: Int?
    var until: Timestamp?
    var continuation: WorkflowContinuation?
    /// How it ended before anybody waited.
    var end: ReceivedSignal??
}

/// A signal as the history has it.
struct ReceivedSignal: Sendable {
    private let fields: EventFields

    init(_ event: HistoryEvent) { fields = event.fields }

    var id: String { fields.text(.requestID) }
    var name: String { fields.text(.signalName) }
    var payload: Payload? { fields.payloads(.input).first }
}

/// An update that the code is to take or refuse.
struct UpdateRequest: Sendable, Hashable {
    let id: String
    let name: String
    let arguments: Payload?
    /// False on replay: what was accepted once is accepted.
    var isToBeValidated = true
}

/// An update that the code has refused.
struct UpdateRejection: Sendable, Hashable {
    let id: String
    let failure: Failure
}

/// A local activity that the engine is to run inside the present workflow task.
struct LocalRequest: Sendable {
    let operation: Int
    let sequence: Int
    let name: String
    let input: Payload
    let shape: ArgumentShape?
    let attempt: Int
    let retry: RetryPolicy
    let scheduledAt: Timestamp
}

/// How a local activity ended; written as a marker.
struct LocalResolution: Sendable {
    var sequence: Int
    var name: String
    /// Of what its arguments are made; nil when the marker does not say.
    var shape: ArgumentShape?
    var attempt: Int
    /// When the code asked for its first attempt.
    var scheduledAt: Timestamp
    var completedAt: Timestamp
    var result: Payload?
    var failure: Failure?
    var backoff: Duration?
    static let marker = "core_local_activity"
}

/// Ids that the code is given; activities and local activities share one counter, as in Temporal's SDKs.
struct Counters {
    var operations = 0
    var activities = 0
    var timers = 0
    var children = 0
    var waits = 0
}

/// What the code does about messages, by name.
struct MessageHandlers {
    struct Update {
        let validate: (Payload?) throws -> Void
        let run: (Payload?) async throws -> Payload
    }

    var signals: [String: (ReceivedSignal) async throws -> Void] = [:]
    var queries: [String: (Payload?) throws -> Payload] = [:]
    var updates: [String: Update] = [:]
    /// The number of signal and update handlers that have begun and not ended.
    var running = 0
}
