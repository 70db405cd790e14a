public import DurableWorkflow
public import Events
import Outcomes

/// Step 10, the numbers: attach them, publish what may be sent, and count what becomes of each.
///
/// A number that hangs for 36 hours is attached again, three times in all; the campaign is active with the numbers that came through.
public enum NumberRegistration {
    /// The events the step waits for.
    public static let events = News.campaign.union(["numbers.add", "numbers.remove"])

    /// The step.
    public static let step = DurableStep<Registration>(
        "10", hears: events, adopts: ["NUMBERS_PENDING", "NUMBERS_PARTIAL"],
        activities: [attachAll, publish, attachLast, detach, readNumbers, tellActive]
    ) { stage, registration in
        if stage.takenOverIn == nil {
            try await stage.perform(attachAll, &registration)
            try await stage.perform(publish, &registration)
        } else {
            // Taken over, it waits where it was: what was said of the numbers was counted there before.
            try await hear(&stage, &registration)
        }
        while registration.numberVerdict != .active {
            try await stage.enter(registration.numberVerdict == .partial ? "NUMBERS_PARTIAL" : "NUMBERS_PENDING", registration)
            try await hear(&stage, &registration)
        }
        try await stage.perform(tellActive, &registration)
        return "ACTIVE"
    }

    /// Waits for the next word about a number; the customer may add and remove some meanwhile.
    private static func hear(_ stage: inout Stage, _ registration: inout Registration) async throws {
        while let event = try await stage.next(Set(NumberRow.kinds.map(\.0)).union(["numbers.add", "numbers.remove"]), &registration) {
            switch event.kind {
            case "numbers.add": try await add(event, stage, &registration)
            case "numbers.remove": try await remove(event, stage, &registration)
            default: return _ = registration.note(event)
            }
        }
        try await stage.perform(readNumbers, &registration)
    }

    /// More numbers than a campaign may have are refused: the event is a dead letter.
    static func add(_ event: Event, _ stage: Stage, _ registration: inout Registration) async throws {
        let limit = NumberLimit.of(hasPool: registration.hasNumberPool ?? false)
        guard registration.numbers.count < limit else {
            return try await stage.refuse(event, BeyondLimit.numbers(limit).description)
        }
        registration.numbers.append(NumberRow())
        try await stage.perform(attachLast, &registration)
    }

    static func remove(_ event: Event, _ stage: Stage, _ registration: inout Registration) async throws {
        guard let index = event.payload["number"]?.integer, (1...registration.numbers.count).contains(index) else { return }
        registration.leaving = index
        try await stage.perform(detach, &registration)
    }

    static let attachAll = DurableActivity<Registration>("provider.attachNumbers") { try await NumberProvider($1).attachAll(&$0) }
    static let attachLast = DurableActivity<Registration>("provider.attachNumber") {
        try await NumberProvider($1).attach($0.numbers.count, &$0)
    }
    static let detach = DurableActivity<Registration>("provider.detachNumber") { registration, effects in
        if let index = registration.leaving { try await NumberProvider(effects).detach(index, &registration) }
        registration.leaving = nil
    }
    static let readNumbers = DurableActivity<Registration>("provider.readNumbers") { registration, effects in
        for index in registration.numbers.indices where !registration.numbers[index].isDecided {
            try await NumberProvider(effects).reread(index + 1, &registration)
        }
    }
    static let publish = DurableActivity<Registration>("carriers.publishThroughput") {
        try await CarrierNetwork($1).publishThroughput($0)
    }
    static let tellActive = Stage.telling("campaign-active", step: "10")
}
