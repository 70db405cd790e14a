import DurableWorkflow
import Events
import Outcomes

/// A wait of a durable step that also answers what belongs to no step, when the plan leaves that to durable.
struct Wait {
    /// What became of an event that belongs to no step.
    enum Answer {
        /// Nobody asked for it.
        case ignored
        /// It is noted, and the wait goes on.
        case noted
        /// The registration was held and has been released. A PIN that was confirmed meanwhile counts now.
        case released(Event?)
    }

    let context: StepContext<Registration>
    /// The step's events: while the registration is held they are noted, or dropped when they are no news.
    let hears: Set<EventKind>
    /// When the step has last looked what is due.
    var checkedAt = Timestamp.distantPast

    /// The next event of one of `kinds` for a registration in `state`; nil when `deadline` passes first.
    func next(
        _ kinds: Set<EventKind>, until deadline: Timestamp?, in state: RegistrationState, _ registration: inout Registration
    ) async throws -> Event? {
        while let event = try await context.wait(for: kinds.union(context.answers), until: deadline) {
            if kinds.contains(event.kind) { return event }
            _ = try await Interrupts.answer(event, in: state, self, &registration)
        }
        return nil
    }

    /// Does what has to be done when the registration ends, and ends it.
    func end(
        _ activity: DurableActivity<Registration>, in state: RegistrationState, by event: Event, _ registration: inout Registration
    ) async throws -> Never {
        try await context.perform(activity, on: &registration)
        throw StepMove(to: state.rawValue, by: event.kind)
    }

    /// Holds the registration, and waits until support releases it.
    func hold(
        _ activity: DurableActivity<Registration>, from state: RegistrationState, _ registration: inout Registration
    ) async throws -> Answer {
        registration.heldFrom = state.rawValue
        try await context.perform(activity, on: &registration)
        return try await hold(from: state, &registration)
    }

    /// The same without telling anybody.
    func hold(from state: RegistrationState, _ registration: inout Registration) async throws -> Answer {
        try await context.enter(RegistrationState.MANUAL_HOLD.rawValue, registration)
        let confirmation = try await untilReleased(to: state, &registration)
        try await context.enter(state.rawValue, registration)
        return .released(confirmation)
    }

    /// Waits in a hold until support releases it to `state`; returns the PIN's confirmation when that came meanwhile. A hold ends with the
    /// registration's 100 days.
    func untilReleased(to state: RegistrationState, _ registration: inout Registration) async throws -> Event? {
        var confirmation: Event?
        var shown = registration
        let end = context.entry.createdAt + .days(100)
        let deadline = end > checkedAt ? max(end, context.now).roundedUpToHour : nil
        while let event = try await context.wait(for: hears.union(context.answers), until: deadline) {
            if event.kind == "BRAND_OTP_VERIFIED" { confirmation = event }
            if try await releases(event, to: state, &registration) { return confirmation }
            if registration != shown { try await context.enter(RegistrationState.MANUAL_HOLD.rawValue, registration) }
            shown = registration
        }
        try await context.perform(Stage.tellExpired, on: &registration)
        throw StepMove(to: RegistrationState.EXPIRED.rawValue, by: "timer.stage_deadline")
    }

    private func releases(_ event: Event, to state: RegistrationState, _ registration: inout Registration) async throws -> Bool {
        if event.kind == "support.override" {
            guard let target = registration.override(by: event, in: .MANUAL_HOLD) else { return false }
            guard target == state else { throw StepMove(to: target.rawValue, by: event.kind) }
            return true
        }
        if context.answers.contains(event.kind) {
            _ = try await Interrupts.answer(event, in: .MANUAL_HOLD, self, &registration)
        } else if let word = CarrierWord(event) {
            try await take(word, &registration)
        } else {
            _ = registration.note(event)
        }
        return false
    }

    /// Stores a carrier's word, and asks the registry when it must.
    func take(_ word: CarrierWord, _ registration: inout Registration) async throws {
        guard registration.mustAsk(about: word) else { return registration.take(word) }
        registration.carrierWord = word
        try await context.perform(Stage.weigh, on: &registration)
    }
}
