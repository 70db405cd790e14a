import DurableWorkflow
import Events
import Outcomes

// What a wait hears beside what it waits for.

extension Stage {
    /// Notes what may come at any moment, and answers what belongs to no step; returns what the wait is for, when it was that.
    mutating func hear(_ event: Event, _ kinds: Set<EventKind>, _ registration: inout Registration) async throws -> Event? {
        if kinds.contains(event.kind) {
            heardAt = context.now
            return event
        }
        if isEndless { shown = nil }
        guard context.answers.contains(event.kind) else {
            if try await note(event, &registration) { heardAt = context.now }
            return nil
        }
        switch try await Interrupts.answer(event, in: state, wait, &registration) {
        case .ignored: return nil
        case .noted: heardAt = context.now
        case .released(let confirmation):
            (heardAt, shown) = (context.now, registration)
            return confirmation
        }
        return nil
    }

    private var wait: Wait { Wait(context: context, hears: events, checkedAt: checkedAt) }

    /// Notes what may come at any moment; false for an event that legacy drops here.
    private func note(_ event: Event, _ registration: inout Registration) async throws -> Bool {
        if let word = CarrierWord(event) {
            try await take(word, &registration)
            return true
        }
        return registration.note(event)
    }

    /// Stores a carrier's word, and asks the registry when it must.
    func take(_ word: CarrierWord, _ registration: inout Registration) async throws { try await wait.take(word, &registration) }

    /// Refuses the event that the last wait has returned. While legacy answers what belongs to no step, it answers this, too.
    func refuse(_ event: Event, _ reason: String) async throws {
        guard !context.answers.isEmpty else { throw context.interruption(by: event) }
        try await context.refuse(because: reason)
    }

    /// Goes on in the wait that was entered last with an empty history, once the present one is long.
    func startAgainWhenLong() throws {
        guard context.isHistoryLong, let position, adopted.contains(position) else { return }
        throw StepContinuation(in: position, eventAt: heardAt, checkedAt: checkedAt, enteredAt: enteredAt)
    }
}
