import A2PApp
import A2PRegistration
import A2PRetired
import BridgeTesting
import Commands
import Cutover
import Events
import Foundation
import HybridRouter
import LegacyFixtures
import LegacyStateMachine
import Migrations
import Outcomes
import ShadowComparator
import Testing

/// What belongs to no step comes at any moment: without legacy it leads to the outcome, the effects and the fees of legacy alone.
@Suite struct InterruptTests {
    /// What support, the customer, the registry or the bank say at one moment, and what follows after some days.
    struct Interrupt: CustomTestStringConvertible, Sendable {
        let name: String
        let says: [(after: Duration, source: EventSource, kind: String, data: JSONValue)]
        var testDescription: String { name }

        static func release(after days: Int) -> (after: Duration, source: EventSource, kind: String, data: JSONValue) {
            (.days(days), "support", "support.override", ["release": true, "operator": "op-1"])
        }

        static func override(_ state: RegistrationState) -> Interrupt {
            Interrupt(
                name: "override to \(state.rawValue)",
                says: [(.zero, "support", "support.override", ["state": .string(state.rawValue), "operator": "op-1"])])
        }
    }

    private static let interrupts: [Interrupt] = [
        Interrupt(name: "cancel", says: [(.zero, "customer", "registration.cancel", [:])]),
        Interrupt(name: "brand deleted", says: [(.zero, "tcr", "BRAND_DELETE", [:])]),
        Interrupt(name: "campaign expired", says: [(.zero, "tcr", "CAMPAIGN_EXPIRED", [:])]),
        Interrupt(name: "brand suspended, released", says: [(.zero, "provider", "brand.suspended", [:]), Interrupt.release(after: 2)]),
        Interrupt(name: "brand suspended for ever", says: [(.zero, "provider", "brand.suspended", [:])]),
        Interrupt(
            name: "fee declined, released",
            says: [(.zero, "billing", "billing.result", ["status": "declined"]), Interrupt.release(after: 1)]),
        Interrupt(name: "fee paid", says: [(.zero, "billing", "billing.result", ["status": "paid"])]),
        Interrupt(
            name: "EIN edited, released",
            says: [(.zero, "customer", "registration.update", ["changes": ["ein": "00-0001234"]]), Interrupt.release(after: 3)]),
        Interrupt(
            name: "website edited", says: [(.zero, "customer", "registration.update", ["changes": ["website": "https://a.example.test"]])]),
        Interrupt(
            name: "held, then cancelled",
            says: [
                (.zero, "support", "support.override", ["hold": true, "operator": "op-1"]),
                (.days(1), "customer", "registration.cancel", [:]),
            ]),
        Interrupt(
            name: "cancelled, then opened again",
            says: [
                (.zero, "customer", "registration.cancel", [:]),
                (.days(1), "support", "support.override", ["state": "CAMPAIGN_VERIFIED", "operator": "op-1"]),
            ]),
        Interrupt(
            name: "cancelled, held, and cancelled after all",
            says: [
                (.zero, "customer", "registration.cancel", [:]),
                (.days(1), "support", "support.override", ["hold": true, "operator": "op-1"]), Interrupt.release(after: 2),
            ]),
    ]

    static let all = interrupts + RegistrationState.allCases.map(Interrupt.override)

    /// LOCKSTEP_INTERRUPTED says which fixtures, by a part of their name; all of them take some minutes.
    static let fixtures: [String] = {
        let some: Set = ["happy-sole-proprietor", "carriers-reject-then-approve"]
        let names = (try? LegacyFixtures.names()) ?? []
        guard let part = ProcessInfo.processInfo.environment["LOCKSTEP_INTERRUPTED"] else { return names.filter(some.contains) }
        return names.filter { $0.contains(part) }
    }()

    /// Without what is added, nothing at all may differ.
    private static let plan = Result {
        var plan = try MigrationPlan(yaml: EmbeddedPlans.retired, file: EmbeddedPlans.retiredName)
        plan.steps.removeAll(where: \.isAdded)
        return plan
    }

    /// One registration for each fixture and moment, all of them in one run.
    private struct Disturbed {
        var lines: [TraceLine] = []
        var places: [EntityID: String] = [:]
    }

    @Test(arguments: all) func endsAsWithLegacyAlone(interrupt: Interrupt) async throws {
        let plan = try Self.plan.get()
        let disturbed = try Self.disturbed(by: interrupt)
        let legacy = try A2PRun(.init(mode: .legacy, plan: plan, database: ":memory:"))
        try await legacy.play(disturbed.lines)
        let run = try AppRun(RetiredTests.app(), RunOptions(mode: .hybrid, plan: plan, database: ":memory:"))
        try await run.play(disturbed.lines)
        let summary = plan.comparator(at: .compared).compare(
            controls: try await legacy.observations(), candidates: try await run.observations(), keeping: .max)
        #expect(summary.compared == disturbed.places.count)
        for mismatch in summary.mismatches {
            let words = EveryStepTests.words(mismatch.differences)
            Issue.record("\(interrupt.name), \(disturbed.places[mismatch.entity] ?? ""): \(words)")
        }
        for entity in try await run.store.entities() {
            let ledger = try await run.ledger(of: entity)
            #expect(ledger.allSatisfy { $0.owner == .durable }, "\(interrupt.name), \(disturbed.places[entity] ?? "")")
        }
    }

    private static func disturbed(by interrupt: Interrupt) throws -> Disturbed {
        var all = Disturbed()
        for fixture in fixtures {
            let lines = try Scenario(folder: "\(LegacyFixtures.folder)/\(fixture)").lines
            for moment in try moments(lines) {
                let entity = EntityID("R-\(700_000 + all.places.count)")
                all.places[entity] = "\(fixture) at \(moment)"
                let said = interrupt.says.enumerated().map { index, word in
                    TraceLine(
                        receivedAt: moment + word.after, source: word.source, body: body(word.source, word.kind, word.data, entity, index))
                }
                all.lines += try Renamed(lines, to: entity).lines + said
            }
        }
        all.lines = EveryStepTests.ordered(all.lines)
        return all
    }

    /// A moment after each delivery, and some days after the last.
    private static func moments(_ lines: [TraceLine]) throws -> [Timestamp] {
        let heard = lines.filter { $0.source != .world }.map(\.receivedAt)
        let last = try #require(heard.last)
        return Set(heard.map { $0 + .seconds(61) } + [last + .days(2), last + .days(9)]).sorted()
    }

    private static func body(
        _ source: EventSource, _ kind: String, _ data: JSONValue, _ entity: EntityID, _ index: Int
    ) -> JSONValue {
        guard source == "tcr" else {
            return [
                "id": .string("interrupt-\(entity)-\(index)"), "type": .string(kind), "registration": .string(entity.rawValue),
                "data": data,
            ]
        }
        let name = kind.hasPrefix("BRAND") ? ("brandId", SyntheticIDs.brand(entity)) : ("campaignId", SyntheticIDs.campaign(entity))
        return ["eventType": .string(kind), "cspId": "S000001", name.0: .string(name.1)]
    }
}

/// A recording of one registration, told of another: all its ids are the other's.
private struct Renamed {
    let lines: [TraceLine]

    init(_ lines: [TraceLine], to new: EntityID) throws {
        let names = lines.compactMap { $0.body["registration"]?.string }
        let old = EntityID(try #require(names.first))
        let pairs =
            Array(zip(Self.names(of: old), Self.names(of: new))) + [(String(old.rawValue.dropFirst(2)), String(new.rawValue.dropFirst(2)))]
        self.lines = try lines.map { line in
            var line = line
            var text = line.body.canonicalText
            for (from, to) in pairs { text = text.replacingOccurrences(of: from, with: to) }
            line.body = try JSONValue(parsing: text)
            return line
        }
    }

    private static func names(of entity: EntityID) -> [String] {
        [
            SyntheticIDs.brand(entity), SyntheticIDs.campaign(entity), SyntheticIDs.brandSid(entity), SyntheticIDs.campaignSid(entity),
            SyntheticIDs.messagingServiceSid(entity), SyntheticIDs.bundleSid(entity), SyntheticIDs.telnyxBrand(entity),
            SyntheticIDs.telnyxCampaign(entity),
        ] + (1...4).map { SyntheticIDs.vetting(entity, ordinal: $0) } + (1...50).map { SyntheticIDs.numberSid(entity, index: $0) }
    }
}
