import A2PRegistration
import BridgeTesting
import Events
import HybridRouter
import Outcomes
import Synchronization
import Testing

/// A party that keeps its word, or breaks it in one way.
private final class Party: EffectPort {
    enum Fault: CaseIterable {
        case performsTwice, forgets, answersAnotherReply, ignoresVisits, ignoresOrdinals, refusesEverything, knowsEverything
    }

    private let kind: PartyKind
    private let fault: Fault?
    private let done = Mutex<[String: JSONValue]>([:])

    init(_ kind: PartyKind, fault: Fault? = nil) {
        self.kind = kind
        self.fault = fault
    }

    func kind(of operation: String) -> PartyKind { kind }

    private func name(_ key: EffectKey) -> String {
        let (visit, ordinal) = (fault == .ignoresVisits ? 1 : key.visit, fault == .ignoresOrdinals ? 1 : key.ordinal)
        return "\(key.entity) \(key.step) \(visit) \(key.operation) \(ordinal)"
    }

    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        if fault == .refusesEverything { throw EffectError(.refused, vendorCode: "403", message: "never") }
        let isKnown = done.withLock { $0[name(call.key)] != nil }
        if isKnown, kind == .refusesKnownKeys, fault != .performsTwice {
            throw EffectError(.duplicate, vendorCode: "409", message: "known")
        }
        let reply: JSONValue = ["receipt": .string(name(call.key))]
        done.withLock { $0[name(call.key)] = reply }
        return reply
    }

    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? {
        if fault == .knowsEverything { return [:] }
        if kind == .neither || fault == .forgets { return nil }
        let reply = done.withLock { $0[name(key)] }
        return fault == .answersAnotherReply && reply != nil ? ["receipt": "another"] : reply
    }

    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { [:] }
}

@Suite struct EffectPortLawsTests {
    private let laws = EffectPortLaws(
        operation: "vetting.order", step: "5.2", entity: "R-1", now: Timestamp(milliseconds: 1_772_442_000_000))

    @Test(arguments: PartyKind.allCases) func aPortThatDoesWhatItSaysBreaksNone(kind: PartyKind) async {
        #expect(await laws.breaches(of: Party(kind)) == [])
    }

    /// The simulated outside, of each kind.
    @Test(arguments: PartyKind.allCases) func theSimulatedOutsideBreaksNone(kind: PartyKind) async {
        #expect(await laws.breaches(of: World(journal: MemoryJournal(), parties: kind)) == [])
    }

    /// Each broken word is told, and by nothing else than what it is.
    @Test(arguments: [
        (PartyKind.refusesKnownKeys, Party.Fault.performsTwice, "it was done twice"),
        (.refusesKnownKeys, .forgets, "found nil"), (.answersLookUps, .forgets, "found nil"),
        (.answersLookUps, .answersAnotherReply, "found another reply"), (.answersLookUps, .ignoresVisits, "use the whole key"),
        (.refusesKnownKeys, .ignoresOrdinals, "use the whole key"), (.neither, .refusesEverything, "expected a reply to the first call"),
        (.answersLookUps, .knowsEverything, "is the entity new to the party?"),
    ])
    fileprivate func aBrokenWordIsTold(kind: PartyKind, fault: Party.Fault, sentence: String) async {
        let breaches = await laws.breaches(of: Party(kind, fault: fault))
        #expect(breaches.contains { $0.contains(sentence) }, "\(breaches)")
    }
}
