import A2PApp
import A2PRegistration
import A2PRetired
import Commands
import Cutover
import DurableWorkflow
import Events
import HybridRouter
import Migrations
import Outcomes

/// Six registrations that go through every move of the hand-off in a day and a half, and then end: as short as they can be, because a
/// process plays them again for every point.
enum Workload {
    /// Comes by an early report, a call that times out after success, and a segment of two steps; its second report is late.
    static let early: EntityID = "R-900101"
    /// Its approval is lost and made up for by a poll; it is cancelled during the vetting.
    static let cancelled: EntityID = "R-900102"
    /// Is recalled while it waits for its vetting, after a first report.
    static let recalled: EntityID = "R-900103"
    /// Begins during the halt and is adopted in the middle of step 2. The sweeper finds that its brand was added, of which nobody told
    /// us; eleven minutes later it is found unverified, which would not have been believed within ten, and is cancelled.
    static let adopted: EntityID = "R-900104"
    /// Its bundle is refused for good: to durable, and then to legacy.
    static let refused: EntityID = "R-900105"
    /// Is recalled while a call on its behalf is under way.
    static let overtaken: EntityID = "R-900106"

    private static let midnight = Timestamp(milliseconds: 1_772_409_600_000)

    /// A moment of the story, by day, hour and minute.
    static func moment(_ day: Int, _ hour: Int, _ minute: Int = 0) -> Timestamp {
        midnight + .hours(24 * day + hour) + .minutes(minute)
    }

    /// What happens outside, in order.
    static let lines: [TraceLine] = [scripts, beginnings, reviews, identities, vettings, endings].flatMap { $0 }

    private static let scripts: [TraceLine] = [
        world(early, ["operation": "vetting.order", "attempts": 1, "answer": "timeout-after-success"]),
        world(refused, ["operation": "provider.submitBundle", "attempts": 1, "answer": "refused:30793"]),
    ]

    private static let beginnings: [TraceLine] =
        [submit(adopted, moment(0, 9))] + [early, cancelled, recalled, refused, overtaken].map { submit($0, moment(0, 10)) }

    private static let reviews: [TraceLine] = [
        inHouse("reviewer", early, "profile.in_review", moment(0, 11)),
        inHouse("reviewer", adopted, "profile.approved", moment(0, 11, 30)),
        registry(adopted, "BRAND_ADD", moment(0, 11, 31), lost: true),
        inHouse("reviewer", cancelled, "profile.approved", moment(1, 9), lost: true),
        inHouse("reviewer", early, "profile.approved", moment(1, 9)),
        inHouse("reviewer", early, "profile.approved", moment(1, 9)),
        inHouse("reviewer", recalled, "profile.approved", moment(1, 9)),
        inHouse("reviewer", overtaken, "profile.approved", moment(1, 9)),
        report(early, "EVP_REPORT_SCORE", moment(1, 9, 1), score: 82),
    ]

    private static let identities: [TraceLine] = [early, cancelled, recalled, overtaken].map { entity in
        registry(entity, "BRAND_IDENTITY_STATUS_UPDATE", moment(1, 10, 5), ["brandIdentityStatus": "VERIFIED"])
    }

    private static let vettings: [TraceLine] = [
        report(recalled, "EVP_REPORT_UNSCORE", moment(1, 10, 30)),
        inHouse("customer", cancelled, "registration.cancel", moment(1, 10, 31)),
        report(early, "EVP_REPORT_FAIL", moment(1, 12)),
    ]

    private static let endings: [TraceLine] =
        [registry("R-999999", "BRAND_ADD", moment(1, 12))]
        + [early, recalled, refused, overtaken].map { inHouse("customer", $0, "registration.cancel", moment(1, 12)) }
        + [registry(adopted, "BRAND_IDENTITY_STATUS_UPDATE", moment(1, 12, 11), ["brandIdentityStatus": "UNVERIFIED"])]
        + [inHouse("customer", adopted, "registration.cancel", moment(1, 12, 12))]

    private static func world(_ entity: EntityID, _ script: JSONValue) -> TraceLine {
        var body = script
        body["registration"] = .string(entity.rawValue)
        return TraceLine(receivedAt: moment(0, 9), source: .world, body: body)
    }

    static func submit(_ entity: EntityID, _ at: Timestamp) -> TraceLine {
        inHouse("customer", entity, "registration.submit", at, ["entityType": "PRIVATE_PROFIT", "useCase": "2FA", "numbers": 1])
    }

    static func inHouse(
        _ source: EventSource, _ entity: EntityID, _ type: String, _ at: Timestamp, _ data: JSONValue = [:], lost: Bool = false
    ) -> TraceLine {
        let registration = JSONValue.string(entity.rawValue)
        let body: JSONValue = ["id": .string("\(entity)-\(type)"), "type": .string(type), "registration": registration, "data": data]
        return TraceLine(receivedAt: at, source: source, body: body, lost: lost)
    }

    static func registry(_ entity: EntityID, _ type: String, _ at: Timestamp, _ data: JSONValue = [:], lost: Bool = false)
        -> TraceLine
    {
        var body = data
        body["eventType"] = .string(type)
        body["cspId"] = "S000001"
        body["brandId"] = .string(SyntheticIDs.brand(entity))
        return TraceLine(receivedAt: at, source: "tcr", body: body, lost: lost)
    }

    static func report(_ entity: EntityID, _ type: String, _ at: Timestamp, score: Int? = nil) -> TraceLine {
        var data: JSONValue = ["vettingId": .string(SyntheticIDs.vetting(entity))]
        if let score { data["score"] = .integer(score) }
        return registry(entity, type, at, data)
    }

    /// A step that exists for this alone, so that a segment has two: it lets an hour pass.
    private static let pause = DurableStep<Registration>(number: "5.3", events: [], activities: []) { context, _ in
        try await context.workflow.sleep(for: .hours(1))
    }

    /// Steps 2, 5.2 and 5.3 are durable.
    static let steps = A2PDomain.durableSteps + [pause]

    /// The plan with two durable steps, and a third one behind them.
    static func plan() throws -> MigrationPlan {
        var plan = try MigrationPlan(yaml: EmbeddedPlans.twoSteps, file: EmbeddedPlans.twoStepsName)
        plan.name = "hybrid-2-5.2-5.3"
        if let index = plan.steps.firstIndex(where: { $0.number == "6" }) {
            plan.steps.insert(PlannedStep(number: "5.3", title: "Pause", stage: .durable, isAdded: true), at: index)
        }
        return plan
    }
}
