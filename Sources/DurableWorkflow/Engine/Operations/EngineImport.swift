package import Events

/// A recorded run cannot be taken over.
public struct ImportRefused: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    public let description: String
    init(_ description: String) { self.description = description }
}

extension EmbeddedEngine {
    /// The same as ``importRun(_:workflowID:)``, at `now`.
    @discardableResult
    package func importRun(_ history: WorkflowHistory, workflowID: String? = nil, at now: Timestamp) async throws -> WorkflowExecution {
        try HistoryCheck.check(history.events)
        let events = try history.numbered()
        let id = workflowID ?? history.workflowID
        let run = try history.row(key: try await newKey(), workflowID: id)
        guard try await store.run(id, runID: run.runID) == nil else {
            throw ImportRefused("workflow \(id): expected no run \(run.runID) in this database, found it; it was imported before")
        }
        return try await turn(id, at: now, absent: { RunState(run: run) }) { turn in
            if turn.state.run.key != run.key {
                try Self.check(turn.state.run, allows: run)
                turn.begin(RunState(run: run))
            }
            try turn.take(over: events)
            return WorkflowExecution(workflowID: id, runID: run.runID)
        }
    }

    private static func check(_ current: WorkflowRun, allows run: WorkflowRun) throws {
        guard current.status.isClosed else {
            throw ImportRefused(
                "workflow \(run.workflowID): expected no open run, found run \(current.runID), \(current.status.rawValue);"
                    + " end it, or import into another database")
        }
        guard current.startedAt <= run.startedAt else {
            throw ImportRefused(
                "workflow \(run.workflowID): expected no run that began after \(run.startedAt), found run \(current.runID) of"
                    + " \(current.startedAt); import runs in the order in which they began")
        }
    }
}

extension WorkflowHistory {
    /// The row of the run before its first event.
    fileprivate func row(key: Int64, workflowID: String) throws -> WorkflowRun {
        guard let started = events.first, !workflowID.isEmpty, !runID.isEmpty else {
            throw HistoryError(
                "event 1: expected the ids of workflow and run, found workflow '\(workflowID)', run '\(runID)'; name the workflow")
        }
        return WorkflowRun(
            key: key, workflowID: workflowID, runID: runID, type: workflowType, taskQueue: started.fields.text(.taskQueue),
            startedAt: started.at)
    }

    /// The events with ids from 1 without gaps, and with references that follow. Throws ``HistoryError`` for what is no history of one run.
    func numbered() throws -> [HistoryEvent] {
        var ids: [Int: Int] = [:]
        var numbered: [HistoryEvent] = []
        var last = 0
        for (index, event) in events.enumerated() {
            guard event.id > last else { throw HistoryError("event \(event.id): expected an id above \(last), found \(event.id)") }
            guard (event.kind == .workflowExecutionStarted) == (index == 0), !event.kind.isTerminal || index == events.count - 1 else {
                throw HistoryError("event \(event.id): expected one start at the beginning and one end, found \(event.kind.name)")
            }
            last = event.id
            ids[event.id] = index + 1
            var event = event
            event.id = index + 1
            for field in EventField.references {
                guard let old = event.fields.integer(field), old > 0 else { continue }
                guard let new = ids[old] else {
                    throw HistoryError("event \(last): expected \(field) to name an earlier event, found \(old)")
                }
                if new != old { event.fields[field] = .integer(new) }
            }
            numbered.append(event)
        }
        return numbered
    }

    /// True when something has happened that no completed workflow task has seen.
    static func isTaskPending(_ events: [HistoryEvent]) -> Bool {
        events.reduce(false) { isPending, event in
            if event.kind == .workflowTaskCompleted { return false }
            return isPending || event.kind.wakes || event.kind == .workflowTaskScheduled
        }
    }
}

extension EventField {
    /// Those that hold the id of an event of the same history.
    fileprivate static let references: [EventField] = [
        .scheduledEventID, .startedEventID, .initiatedEventID, .taskCompletedEventID, .acceptedEventID, .latestCancelRequestedEventID,
    ]
}

extension Turn {
    /// Appends a recorded history to a new run, with what follows from its end.
    fileprivate mutating func take(over events: [HistoryEvent]) throws {
        // It was counted where it happened.
        let isWatched = isWatched
        self.isWatched = false
        for event in events {
            try copy(event)
            edit { $0.note(event) }
        }
        self.isWatched = isWatched
        guard let end = state.end else { return try resume(events) }
        if end.fields[.newRunID] == nil { try tellParent() }
    }

    private mutating func resume(_ events: [HistoryEvent]) throws {
        for (initiated, child) in state.children.sorted(by: { $0.key < $1.key }) where child.runID.isEmpty {
            if let transfer = Transfer(askedBy: events[initiated - 1]) { try send(transfer, event: initiated) }
        }
        for (initiated, event) in state.externals.sorted(by: { $0.key < $1.key }) {
            if let transfer = Transfer(askedBy: event) { try send(transfer, event: initiated) }
        }
        try resumeTask(events)
    }

    /// Schedules the workflow task that the history lacks: where it was under way when the history was recorded, or is to be repeated.
    private mutating func resumeTask(_ events: [HistoryEvent]) throws {
        guard state.task == nil, WorkflowHistory.isTaskPending(events) else { return }
        let last = events.last { [.workflowTaskStarted, .workflowTaskFailed, .workflowTaskTimedOut].contains($0.kind) }
        if let last, last.kind == .workflowTaskStarted {
            try append(
                .workflowTaskTimedOut,
                [
                    .scheduledEventID: last.fields[.scheduledEventID], .startedEventID: .integer(last.id),
                    .timeoutType: .text(ProtoName.name(TimeoutType.startToClose.rawValue, "TIMEOUT_TYPE")),
                ])
        }
        try append(.workflowTaskScheduled, [.attempt: .integer(1)])
    }
}
