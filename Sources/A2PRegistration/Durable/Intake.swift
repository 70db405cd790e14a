public import DurableWorkflow
public import Events
import Outcomes

/// Step 1, intake: the customer submits, the provider checks the bundle, and one that it does not take comes back corrected.
public enum Intake {
    /// The events the step waits for.
    public static let events: Set<EventKind> = ["registration.submit", "registration.update"]

    /// The step.
    public static let step = DurableStep<Registration>(
        "1", hears: events, from: .DRAFT, adopts: ["DRAFT", "INTAKE_REJECTED"], activities: [evaluate]
    ) { stage, registration in
        var isRejected = stage.takenOverIn == "INTAKE_REJECTED"
        if !isRejected { _ = try await stage.next(["registration.submit"], .colleague, &registration) }
        while true {
            if isRejected {
                try await stage.enter("INTAKE_REJECTED", registration)
                _ = try await stage.next(events, .customer, &registration)
            }
            try await stage.perform(evaluate, &registration)
            isRejected = registration.takeFound() == "noncompliant"
            if !isRejected { return "INTAKE_VALIDATED" }
        }
    }

    static let evaluate = DurableActivity<Registration>("provider.evaluateBundle") { registration, effects in
        let reasons = try await NumberProvider(effects).evaluateBundle(&registration)
        guard !reasons.isEmpty else { return }
        registration.found = "noncompliant"
        registration.reject(by: "intake", codes: reasons)
        try await Notifications(effects).send("intake-rejected", &registration, step: "1")
    }
}
