/// Follows what a history opens and closes, and refuses what cannot have happened: a result twice, a timer that fires under another id, a
/// child or an activity that ends without having started.
struct HistoryCheck {
    /// Something that an event has begun.
    private struct Opened {
        var id = ""
        var isStarted = false
        var endedBy: Int?
    }

    private var activities: [Int: Opened] = [:]
    private var timers: [Int: Opened] = [:]
    private var children: [Int: Opened] = [:]
    private var messages: [Int: Opened] = [:]
    private var end: HistoryEvent?

    /// Throws ``HistoryError`` for the first event that cannot be.
    static func check(_ events: [HistoryEvent]) throws {
        var check = HistoryCheck()
        for event in events { try check.apply(event) }
    }

    private mutating func apply(_ event: HistoryEvent) throws {
        if let end {
            throw HistoryError("event \(event.id): expected nothing after the end of the run in event \(end.id), found \(event.kind.name)")
        }
        if event.kind.isTerminal { end = event }
        switch event.kind {
        case .activityTaskScheduled: activities[event.id] = Opened()
        case .activityTaskStarted: try Self.start(event, event.fields.integer(.scheduledEventID), "activity", in: &activities)
        case .activityTaskCompleted, .activityTaskFailed:
            try Self.endStarted(event, event.fields.integer(.scheduledEventID), "activity", in: &activities)
        case .activityTaskTimedOut, .activityTaskCanceled:
            try Self.end(event, event.fields.integer(.scheduledEventID), "activity", in: &activities)
        case .timerStarted: timers[event.id] = Opened(id: event.fields.text(.timerID))
        case .timerFired: try fire(event)
        case .startChildWorkflowExecutionInitiated: children[event.id] = Opened()
        case .childWorkflowExecutionStarted: try Self.start(event, event.fields.integer(.initiatedEventID), "child", in: &children)
        case .childWorkflowExecutionCompleted, .childWorkflowExecutionFailed, .childWorkflowExecutionCanceled,
            .childWorkflowExecutionTimedOut, .childWorkflowExecutionTerminated:
            try Self.endStarted(event, event.fields.integer(.initiatedEventID), "child", in: &children)
        case .startChildWorkflowExecutionFailed:
            try Self.end(event, event.fields.integer(.initiatedEventID), "child", in: &children)
        default: try applyMessage(event)
        }
    }

    private mutating func applyMessage(_ event: HistoryEvent) throws {
        switch event.kind {
        case .signalExternalWorkflowExecutionInitiated, .requestCancelExternalWorkflowExecutionInitiated: messages[event.id] = Opened()
        case .signalExternalWorkflowExecutionFailed, .externalWorkflowExecutionSignaled, .requestCancelExternalWorkflowExecutionFailed,
            .externalWorkflowExecutionCancelRequested:
            try Self.end(event, event.fields.integer(.initiatedEventID), "message", in: &messages)
        default: break
        }
    }

    private static func end(_ event: HistoryEvent, _ beginning: Int?, _ what: String, in open: inout [Int: Opened]) throws {
        guard let beginning, let opened = open[beginning] else {
            throw HistoryError(
                "event \(event.id): expected the end of a \(what) that was begun, found \(event.kind.name) of event \(beginning ?? 0)")
        }
        if let earlier = opened.endedBy {
            throw HistoryError(
                "event \(event.id): expected the \(what) of event \(beginning) to be open, found that event \(earlier) has ended it")
        }
        open[beginning]?.endedBy = event.id
    }

    private mutating func fire(_ event: HistoryEvent) throws {
        let beginning = event.fields.integer(.startedEventID)
        try Self.end(event, beginning, "timer", in: &timers)
        let (id, known) = (event.fields.text(.timerID), beginning.flatMap { timers[$0]?.id } ?? "")
        guard id.isEmpty || id == known else {
            throw HistoryError("event \(event.id): expected timer \(known), which event \(beginning ?? 0) has started, found timer \(id)")
        }
    }

    private static func start(_ event: HistoryEvent, _ beginning: Int?, _ what: String, in open: inout [Int: Opened]) throws {
        guard let beginning, let opened = open[beginning], opened.endedBy == nil, !opened.isStarted else {
            throw HistoryError(
                "event \(event.id): expected the start of a \(what) that was asked for, found that of event \(beginning ?? 0)")
        }
        open[beginning]?.isStarted = true
    }

    private static func endStarted(_ event: HistoryEvent, _ beginning: Int?, _ what: String, in open: inout [Int: Opened]) throws {
        guard let beginning, open[beginning]?.isStarted == true else {
            throw HistoryError(
                "event \(event.id): expected the end of a \(what) that was started, found that of event \(beginning ?? 0)")
        }
        try end(event, beginning, what, in: &open)
    }
}
