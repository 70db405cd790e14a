import DurableWorkflow
import Events
import Outcomes

extension Stage {
    /// The activities of every stage.
    static let activities: [DurableActivity<Registration>] = [tellFailed, tellExpired, remind, weigh] + Interrupts.activities

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
    /// `time` fails the registration. `beginning` is the state of a step that waits before it has entered one.
    init(
        _ number: StepNumber, hears events: Set<EventKind>, for time: Duration? = nil, from beginning: RegistrationState? = nil,
        adopts: Set<String> = [], activities: [DurableActivity<Registration>],
        run: @escaping @Sendable (inout Stage, inout Registration) async throws -> String
    ) {
        self.init(
            number: number, events: events, activities: activities + Stage.activities, adopts: adopts.union(Rest.states), answers: true
        ) { context, registration in
            let context = try await Rest.left(context, in: adopts, hears: events, &registration)
            var stage = Stage(context, registration, hearing: events, for: time, from: beginning?.rawValue, adopted: adopts)
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

/// Where a registration rests: it is held, or it has ended. Every step can take it over there, and waits for support.
enum Rest {
    /// The states.
    static let states = Set(RegistrationState.final.map(\.rawValue)).union([RegistrationState.MANUAL_HOLD.rawValue])

    /// The context in which the step goes on, once a registration that was taken over at rest is released; at once for every other one.
    static func left(
        _ context: StepContext<Registration>, in adopted: Set<String>, hears: Set<EventKind>, _ registration: inout Registration
    ) async throws -> StepContext<Registration> {
        guard let state = context.entry.state.flatMap(RegistrationState.init), states.contains(state.rawValue) else { return context }
        let wait = Wait(context: context, hears: hears)
        if state != .MANUAL_HOLD { try await reopened(from: state, wait, &registration) }
        let target = registration.heldFrom.flatMap(RegistrationState.init) ?? .MANUAL_HOLD
        _ = try await wait.untilReleased(to: target, &registration)
        guard adopted.contains(target.rawValue) else { throw StepMove(to: target.rawValue, by: "support.override") }
        try await context.enter(target.rawValue, registration)
        return context.entering(in: target.rawValue)
    }

    /// One word by support about a registration that has ended; whatever it says, the step ends with it.
    private static func reopened(
        from state: RegistrationState, _ wait: Wait, _ registration: inout Registration
    ) async throws -> Never {
        guard let event = try await wait.context.wait(for: wait.context.answers) else { throw CancellationError() }
        if event.kind == "support.override" { _ = try await Interrupts.override(by: event, in: state, wait, &registration) }
        throw StepMove(to: state.rawValue, by: event.kind)
    }
}
