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
        /// Nobody's, but something asked for before may still be under way: a look a day, for five days.
        case nobody
    }

    /// The stage, or the whole registration, has lasted too long.
    enum TimeIsUp: Error { case stage, registration }

    let context: StepContext<Registration>
    let events: Set<EventKind>
    private let time: Duration?
    /// When the stage began: with its first wait. What has to be done before may be tried for a while.
    private(set) var enteredAt: Timestamp
    private let beginning: String?
    let adopted: Set<String>
    /// True for a step that has no end of its own: what it has heard is to be told at once, also when it changes nothing.
    var isEndless = false
    private(set) var position: String?
    var shown: Registration?
    var heardAt: Timestamp
    var checkedAt: Timestamp
    var owed: [Rule] = []

    enum Rule { case remind, end, expire }

    init(
        _ context: StepContext<Registration>, _ registration: Registration, hearing events: Set<EventKind>, for time: Duration?,
        from beginning: String? = nil, adopted: Set<String> = []
    ) {
        self.context = context
        self.adopted = adopted
        self.beginning = beginning
        shown = context.entry.state == nil ? nil : registration
        self.events = events
        let entry = context.entry
        self.time = time
        enteredAt = entry.enteredAt
        position = entry.state
        heardAt = entry.eventAt ?? entry.heardAt
        checkedAt = entry.state == nil ? .distantPast : entry.checkedAt ?? entry.heardAt
    }

    /// When the stage has lasted too long; nil for one without an end.
    var end: Timestamp? { time.map { enteredAt + $0 } }
    /// When a reviewer may be reminded.
    var reminder: Timestamp { enteredAt + .days(7) }
    /// The legacy state in which the step was taken over; nil when it begins at its beginning.
    var takenOverIn: String? { context.entry.state }
    /// The legacy state in which the registration is now.
    var state: RegistrationState { (position ?? beginning).flatMap(RegistrationState.init) ?? .DRAFT }

    /// Performs an activity until it succeeds.
    func perform(_ activity: DurableActivity<Registration>, _ registration: inout Registration) async throws {
        try await context.perform(activity, on: &registration)
    }

    /// Performs an activity as often as its retry policy says; false when that was not enough. What the last attempt has written stays.
    func attempt(_ activity: DurableActivity<Registration>, _ registration: inout Registration) async throws -> Bool {
        do { try await context.perform(activity, on: &registration) } catch let error as ActivityError {
            guard case .application(let type, _, _, _) = error.cause.info, EffectError.Code(rawValue: type) != nil else { throw error }
            try context.keep(error, in: &registration)
            return false
        }
        return true
    }

    /// The step waits where legacy would be in `state`: customers see it, and legacy can go on from there.
    mutating func enter(_ state: String, _ registration: Registration) async throws {
        guard state != position || registration != shown else { return }
        try await context.enter(state, registration)
        if position == nil { enteredAt = context.now }
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
            try startAgainWhenLong()
            let dues = dues(move, since: context.now)
            if let event = try await context.wait(for: events.union(kinds).union(context.answers), until: dues.map(\.at).min()) {
                let heard = try await hear(event, kinds, &registration)
                if let heard, kinds.contains(heard.kind) { return heard }
            } else {
                let due = dues.filter { $0.at <= context.now }.map(\.rule)
                checkedAt = context.now
                owed = due.compactMap { $0 }
                if due.contains(nil) { return nil }
            }
        }
    }
}
