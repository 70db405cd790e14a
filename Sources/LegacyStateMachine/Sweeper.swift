public import Events

/// The times of a record that the cron job looks at.
public struct RecordTimes: Hashable, Sendable {
    /// When it was born.
    public var createdAt: Timestamp
    /// When it entered the step it is in.
    public var stepEnteredAt: Timestamp
    /// When it last moved on an event that was not a timer.
    public var lastEventAt: Timestamp
    /// When it was last sent a timer.
    public var lastSweptAt: Timestamp

    /// The times of one record.
    public init(createdAt: Timestamp, stepEnteredAt: Timestamp, lastEventAt: Timestamp, lastSweptAt: Timestamp) {
        self.createdAt = createdAt
        self.stepEnteredAt = stepEnteredAt
        self.lastEventAt = lastEventAt
        self.lastSweptAt = lastSweptAt
    }
}

/// A timer that the cron job sends to records for which too much time has passed.
public struct SweepTimer: Hashable, Sendable {
    /// From when the time counts.
    public enum Since: Hashable, Sendable {
        /// The last event that moved it, or the last sweep: the rule repeats.
        case lastEventOrSweep
        /// The entry into the step: the rule fires once per entry.
        case stepEntered
        /// The birth: the rule fires once.
        case created
    }

    /// The rule's name, for the audit.
    public let name: String
    /// How long is too long.
    public let after: Duration
    /// From when.
    public let since: Since
    /// For how long after the last event it repeats; nil for as long as the state lasts.
    public let until: Duration?
    /// What it sends.
    public let emits: EventKind

    /// When a record breaks the rule; nil when it has been told already.
    fileprivate func dueAt(_ times: RecordTimes) -> Timestamp? {
        switch since {
        case .lastEventOrSweep:
            let moment = max(times.lastEventAt, times.lastSweptAt) + after
            // The sweeper comes by every hour: a repetition that is due at the very end still counts.
            return until.map { moment > times.lastEventAt + $0 + after } ?? false ? nil : moment
        case .stepEntered: return once(times.stepEnteredAt + after, times)
        case .created: return once(times.createdAt + after, times)
        }
    }

    /// What the wait counts from: while it is the same, the same wait is meant.
    fileprivate func anchor(_ times: RecordTimes) -> Timestamp {
        switch since {
        case .lastEventOrSweep: times.lastEventAt
        case .stepEntered: times.stepEnteredAt
        case .created: times.createdAt
        }
    }

    /// What the timer carries: its rule, and the state and the moment from which the record waits.
    public func payload(state: String, _ times: RecordTimes) -> JSONValue {
        ["rule": .string(name), "state": .string(state), "since": .string(anchor(times).description)]
    }

    private func once(_ moment: Timestamp, _ times: RecordTimes) -> Timestamp? { moment > times.lastSweptAt ? moment : nil }
}

/// One thing the cron job looks for: records that have been in some states for too long.
public struct SweepRule<State: MachineState>: Sendable {
    /// The states it looks at.
    public let states: Set<State>
    /// What it sends, and when.
    public let timer: SweepTimer

    /// A rule.
    public init(
        _ name: String, in states: Set<State>, after: Duration, since: SweepTimer.Since, until: Duration? = nil, emits: EventKind
    ) {
        self.states = states
        timer = SweepTimer(name: name, after: after, since: since, until: until, emits: emits)
    }
}

/// The cron job that crawls the database for what got stuck.
public struct Sweeper<State: MachineState>: Sendable {
    /// What it looks for.
    public let rules: [SweepRule<State>]
    private let timers: [State: [SweepTimer]]

    /// A sweeper.
    public init(rules: [SweepRule<State>]) {
        self.rules = rules
        timers = Dictionary(
            State.allCases.map { state in (state, rules.filter { $0.states.contains(state) }.map(\.timer)) },
            uniquingKeysWith: { first, _ in first })
    }

    /// The timers that a record in `state` is to be sent at `now`.
    public func due(for times: RecordTimes, in state: State, at now: Timestamp) -> [SweepTimer] {
        timers[state]?.filter { timer in timer.dueAt(times).map { $0 <= now } == true } ?? []
    }

    /// Why a timer must not act: the wait that it was sent for is over. Nil while it holds, and for every other event.
    ///
    /// It holds while its rule looks at the state the record is in, and counts from the same moment as when it was sent.
    public func reasonToIgnore(_ event: Event, in state: State, _ times: RecordTimes) -> String? {
        guard event.source == .timer, let name = event.payload["rule"]?.string, let sent = event.payload["since"]?.string else {
            return nil
        }
        guard let rule = rules.first(where: { $0.timer.name == name }) else { return "the rule \(name) is gone" }
        let was = event.payload["state"]?.string ?? "another state"
        guard rule.states.contains(state) else { return "sent for \(was), the record has moved on" }
        return rule.timer.anchor(times).description == sent ? nil : "sent for an earlier wait in \(was)"
    }

    /// When a record in `state` is to be sent its next timer; nil for never.
    public func nextDue(for times: RecordTimes, in state: State) -> Timestamp? { timers[state].flatMap { Self.earliest($0, times) } }

    private static func earliest(_ timers: [SweepTimer], _ times: RecordTimes) -> Timestamp? {
        var earliest: Timestamp?
        for timer in timers {
            if let due = timer.dueAt(times) { earliest = min(earliest ?? due, due) }
        }
        return earliest
    }
}
