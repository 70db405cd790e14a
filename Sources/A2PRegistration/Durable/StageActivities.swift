import DurableWorkflow
import Events
import Outcomes

extension Stage {
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
