import DurableWorkflow
import Events
import Outcomes

/// One step of the registration in its time: it waits for the step's events, notes what may come at any moment, drops what nobody asked
/// for, and ends the step when its time is up.
///
/// A wait is answered by an event, by nil after 24 hours of silence (the webhook may be lost: look), or by ``TimeIsUp``.
struct Stage {
    /// Whose move it is, and so what time may bring.
    enum Move {
        /// An outside party's: a look after 24 hours, the stage's deadline, the registration's 100 days.
        case party
        /// The same of a party that may be reminded once, when the stage is seven days old.
        case reviewer
        /// A colleague's: there is nothing to look at, only the 100 days.
        case colleague
        /// The customer's: nothing is due.
        case customer
        /// The customer's, but the registry may change its mind: a look a day, for 90 days.
        case customerOrRegistry
    }

    /// The stage, or the whole registration, has lasted too long.
    enum TimeIsUp: Error { case stage, registration }

    let context: StepContext<Registration>
    private let events: Set<EventKind>
    private let end: Timestamp?
    private let reminder: Timestamp
    private var position: String?
    private var shown: Registration?
    private var heardAt: Timestamp
    private var checkedAt: Timestamp
    private var owed: [Rule] = []

    private enum Rule { case remind, end, expire }

    init(_ context: StepContext<Registration>, _ registration: Registration, hearing events: Set<EventKind>, for time: Duration?) {
        self.context = context
        shown = context.entry.state == nil ? nil : registration
        self.events = events
        let entry = context.entry
        end = time.map { entry.enteredAt + $0 }
        reminder = entry.enteredAt + .days(7)
        position = entry.state
        heardAt = entry.heardAt
        checkedAt = entry.state == nil ? .distantPast : entry.heardAt
    }

    /// The legacy state in which the step was taken over; nil when it begins at its beginning.
    var takenOverIn: String? { context.entry.state }

    /// Performs an activity until it succeeds.
    func perform(_ activity: DurableActivity<Registration>, _ registration: inout Registration) async throws {
        try await context.perform(activity, on: &registration)
    }

    /// Performs an activity as often as its retry policy says; false when that was not enough.
    func attempt(_ activity: DurableActivity<Registration>, _ registration: inout Registration) async throws -> Bool {
        do { try await context.perform(activity, on: &registration) } catch let error as ActivityError {
            guard case .application(let type, _, _, _) = error.cause.info, EffectError.Code(rawValue: type) != nil else { throw error }
            return false
        }
        return true
    }

    /// The step waits where legacy would be in `state`: customers see it, and legacy can go on from there.
    mutating func enter(_ state: String, _ registration: Registration) async throws {
        guard state != position || registration != shown else { return }
        try await context.enter(state, registration)
        (position, shown) = (state, registration)
    }

    /// The next event of one of `kinds` from an outside party; nil after a silence.
    mutating func next(_ kinds: Set<EventKind>, _ registration: inout Registration) async throws -> Event? {
        try await next(kinds, .party, &registration)
    }

    /// The next event of one of `kinds`, when it is somebody's `move`; nil after a silence.
    mutating func next(_ kinds: Set<EventKind>, _ move: Move, _ registration: inout Registration) async throws -> Event? {
        while true {
            try await payOwed(move, &registration)
            // What was noted since the wait began is to be seen, too.
            if let position { try await enter(position, registration) }
            if let event = try await context.wait(for: events.union(kinds), until: dues(move).map(\.at).min()) {
                let isAwaited = kinds.contains(event.kind)
                let isNoted = isAwaited ? true : try await note(event, &registration)
                if isNoted { heardAt = context.now }
                if isAwaited { return event }
            } else {
                let due = dues(move).filter { $0.at <= context.now }.map(\.rule)
                checkedAt = context.now
                owed = due.compactMap { $0 }
                if due.contains(nil) { return nil }
            }
        }
    }

    /// What is due when: a rule, or nil for a look. A rule is due once; what a later look has passed over is not made up for.
    private func dues(_ move: Move) -> [(rule: Rule?, at: Timestamp)] {
        let look = max(heardAt, checkedAt) + .hours(24)
        let once: [(Rule?, Timestamp)] = Self.rules(move).compactMap { rule in
            guard let moment = moment(rule), moment > checkedAt else { return nil }
            return (rule, moment)
        }
        switch move {
        case .party, .reviewer: return [(nil, look)] + once
        case .customerOrRegistry: return look > heardAt + .days(91) ? [] : [(nil, look)]
        case .colleague, .customer: return once
        }
    }

    private static func rules(_ move: Move) -> [Rule] {
        switch move {
        case .party: [.end, .expire]
        case .reviewer: [.remind, .end, .expire]
        case .colleague: [.expire]
        case .customer, .customerOrRegistry: []
        }
    }

    /// When a rule is due: on the full hour, as for legacy's cron job, so that an answer that comes before it counts on both sides.
    private func moment(_ rule: Rule) -> Timestamp? {
        let exact: Timestamp? =
            switch rule {
            case .remind: reminder
            case .end: end
            case .expire: context.entry.createdAt + .days(100)
            }
        let hour: Int64 = 3_600_000
        return exact.map { Timestamp(milliseconds: ($0.milliseconds + hour - 1) / hour * hour) }
    }

    /// Does what was due together with a look that has changed nothing.
    private mutating func payOwed(_ move: Move, _ registration: inout Registration) async throws {
        let rules = owed.filter(Self.rules(move).contains)
        owed = []
        for rule in rules {
            switch rule {
            case .remind: try await perform(Self.remind, &registration)
            case .end: throw TimeIsUp.stage
            case .expire: throw TimeIsUp.registration
            }
        }
    }
}

extension Stage {
    /// Notes what may come at any moment; false for an event that legacy drops here.
    private func note(_ event: Event, _ registration: inout Registration) async throws -> Bool {
        if let word = CarrierWord(event) {
            try await take(word, &registration)
            return true
        }
        return registration.note(event)
    }

    /// Stores a carrier's word, and asks the registry when it must.
    func take(_ word: CarrierWord, _ registration: inout Registration) async throws {
        guard registration.mustAsk(about: word) else { return registration.take(word) }
        registration.carrierWord = word
        try await perform(Self.weigh, &registration)
    }

    /// The activities of every stage.
    static let activities: [DurableActivity<Registration>] = [tellFailed, tellExpired, remind, weigh]

    static let tellFailed = DurableActivity<Registration>("notifications.failed") { registration, effects in
        registration.failureCode = "30901"
        try await Notifications(effects).send("failed", &registration, step: "8")
    }
    static let tellExpired = telling("expired", step: "8")
    static let remind = DurableActivity<Registration>("registry.nudge") { try await Registry($1).nudge(&$0) }
    static let weigh = DurableActivity<Registration>("registry.weighCarrier") { registration, effects in
        if let word = registration.carrierWord { try await Registry(effects).weigh(word, &registration) }
        registration.carrierWord = nil
    }

    /// An activity that tells the customer something.
    static func telling(_ kind: String, step: StepNumber) -> DurableActivity<Registration> {
        DurableActivity("notifications.\(kind)") { try await Notifications($1).send(kind, &$0, step: step) }
    }

    /// The retries that the registry and the partner get; after them the step looks again a day later.
    static let eightTimes = RetryPolicy(maximumInterval: .seconds(30), maximumAttempts: 8)
}

extension DurableStep<Registration> {
    /// A step of the registration that replaces legacy's: `run` returns the legacy state in which it ends; a stage that lasts longer than
    /// `time` fails the registration.
    init(
        _ number: StepNumber, hears events: Set<EventKind>, for time: Duration? = nil, adopts: Set<String> = [],
        activities: [DurableActivity<Registration>],
        run: @escaping @Sendable (inout Stage, inout Registration) async throws -> String
    ) {
        let dropped = events.subtracting(["registration.update"])
        self.init(number: number, events: events, activities: activities + Stage.activities, adopts: adopts) { context, registration in
            var stage = Stage(context, registration, hearing: dropped, for: time)
            do { return try await run(&stage, &registration) } catch Stage.TimeIsUp.stage {
                try await stage.perform(Stage.tellFailed, &registration)
                return "FAILED"
            } catch Stage.TimeIsUp.registration {
                try await stage.perform(Stage.tellExpired, &registration)
                return "EXPIRED"
            }
        }
    }
}
