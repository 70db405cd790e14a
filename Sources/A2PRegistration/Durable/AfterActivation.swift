public import DurableWorkflow
public import Events
import Outcomes

/// Step 11, what comes after activation: carriers suspend the campaign and let it go on, the customer adds and removes numbers.
///
/// It waits for months and has no end of its own: the campaign expires, the customer cancels, or support decides, see ``Interrupts``.
public enum AfterActivation {
    /// The events the step waits for.
    public static let events = NumberRegistration.events

    /// The step.
    public static let step = DurableStep<Registration>(
        "11", hears: events, adopts: ["ACTIVE", "CAMPAIGN_SUSPENDED"],
        activities: [
            tellSuspended, tellResumed, readNumbers, CarrierReview.readCarriers, NumberRegistration.attachLast, NumberRegistration.detach,
        ]
    ) { stage, registration in
        stage.isEndless = true
        var isSuspended = stage.takenOverIn == "CAMPAIGN_SUSPENDED"
        while true {
            try await stage.enter(isSuspended ? "CAMPAIGN_SUSPENDED" : "ACTIVE", registration)
            guard try await hearsOfCarriers(isSuspended, &stage, &registration), registration.isSuspended != isSuspended else { continue }
            isSuspended.toggle()
            try await stage.perform(isSuspended ? tellSuspended : tellResumed, &registration)
        }
    }

    /// Waits for the next thing that happens; true when carriers have said something.
    private static func hearsOfCarriers(
        _ isSuspended: Bool, _ stage: inout Stage, _ registration: inout Registration
    ) async throws -> Bool {
        let kinds = Set(CarrierWord.kinds.map(\.0)).union(["numbers.add", "numbers.remove"])
        guard let event = try await stage.next(kinds, whoseMove(isSuspended, registration), &registration) else {
            if registration.isNumberPending { try await stage.perform(readNumbers, &registration) }
            if isSuspended { try await stage.perform(CarrierReview.readCarriers, &registration) }
            return isSuspended
        }
        switch event.kind {
        case "numbers.add": try await NumberRegistration.add(event, stage, &registration)
        case "numbers.remove": try await NumberRegistration.remove(event, stage, &registration)
        default:
            if let word = CarrierWord(event) { try await stage.take(word, &registration) }
            return true
        }
        return false
    }

    private static func whoseMove(_ isSuspended: Bool, _ registration: Registration) -> Stage.Move {
        if isSuspended { return .customerOrRegistry }
        return registration.isNumberPending ? .nobody : .customer
    }

    static let tellSuspended = Stage.telling("campaign-suspended", step: "11")
    static let tellResumed = Stage.telling("campaign-resumed", step: "11")
    static let readNumbers = DurableActivity<Registration>("provider.readPendingNumbers") {
        try await NumberProvider($1).rereadPending(&$0)
    }
}
