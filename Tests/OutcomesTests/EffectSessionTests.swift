import Events
import Outcomes
import Testing

/// A port that answers as told and counts.
private actor Port: EffectPort {
    private(set) var performed: [EffectKey] = []
    private(set) var lookedUp: [EffectKey] = []
    var known: [EffectKey: JSONValue]
    let failure: EffectError?
    let kind: PartyKind

    init(known: [EffectKey: JSONValue] = [:], failure: EffectError? = nil, kind: PartyKind = .refusesKnownKeys) {
        self.known = known
        self.failure = failure
        self.kind = kind
    }

    nonisolated func kind(of operation: String) -> PartyKind { kind }

    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        if let failure { throw failure }
        if kind == .refusesKnownKeys, known[call.key] != nil { throw EffectError(.duplicate, vendorCode: "503", message: "known") }
        performed.append(call.key)
        return ["n": .integer(performed.count)]
    }

    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? {
        lookedUp.append(key)
        return known[key]
    }

    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { [:] }
}

/// A ledger in memory that keeps intentions.
private actor Ledger: EffectLedger {
    private var intentions: [EffectKey: EffectCall] = [:]

    func reply(to key: EffectKey) async throws -> JSONValue? { nil }
    func intend(_ call: EffectCall) async throws -> IntentionResult {
        if let begun = intentions[call.key] { return .begun(begun) }
        intentions[call.key] = call
        return .noted
    }
    func withdraw(_ key: EffectKey) async throws { intentions[key] = nil }
    func intention(_ key: EffectKey) async throws -> EffectCall? { intentions[key] }
}

@Suite struct EffectSessionTests {
    private let key = EffectKey(entity: "R-1", step: "3", operation: "registry.submitBrand")

    private func session(_ port: Port, attempt: Int = 1, ledger: [LedgerEntry] = []) -> EffectSession {
        EffectSession(entity: "R-1", now: .distantPast, owner: .legacy, epoch: 1, attempt: attempt, ledger: ledger, port: port)
    }

    @Test func performsAKeyOnce() async throws {
        let port = Port()
        let session = session(port)
        let first = try await session.perform("registry.submitBrand", step: "3")
        #expect(try await session.perform("registry.submitBrand", step: "3") == first)
        #expect(await port.performed == [key])
        #expect(session.entries.map(\.key) == [key])
    }

    @Test func answersFromTheLedger() async throws {
        let port = Port()
        let entry = LedgerEntry(key: key, request: [:], reply: ["old": true], owner: .legacy, epoch: 1, attempt: 1, at: .distantPast)
        let session = session(port, ledger: [entry])
        #expect(try await session.perform("registry.submitBrand", step: "3") == ["old": true])
        #expect(await port.performed.isEmpty)
        #expect(session.entries.isEmpty)
    }

    @Test(arguments: [1, 2]) func looksUpWhatTheOtherSideKnows(attempt: Int) async throws {
        let port = Port(known: [key: ["first": 1]])
        let session = session(port, attempt: attempt)
        #expect(try await session.perform("registry.submitBrand", step: "3") == ["first": 1])
        #expect(await port.performed.isEmpty)
        #expect(await port.lookedUp == [key])
        #expect(session.entries.count == 1)
    }

    @Test func looksUpFirstWhereAPartyDoesTwiceWhatItIsAskedTwice() async throws {
        let port = Port(known: [key: ["first": 1]], kind: .answersLookUps)
        #expect(try await session(port).perform("registry.submitBrand", step: "3") == ["first": 1])
        #expect(await port.performed.isEmpty)
    }

    @Test func aLaterVisitIsAnotherEffect() async throws {
        let port = Port()
        let session = EffectSession(
            entity: "R-1", now: .distantPast, owner: .durable, epoch: 4, attempt: 1, completions: ["3": 1], ledger: Ledger(), port: port)
        _ = try await session.perform("registry.submitBrand", step: "3")
        #expect(await port.performed.map(\.description) == ["R-1/3#2/registry.submitBrand/1"])
    }

    /// A party that can neither refuse nor be asked: what was begun and has no result is never repeated by itself.
    @Test func anIntentionWithoutAResultWaitsForAPerson() async throws {
        let ledger = Ledger()
        let lost = Port(failure: EffectError(.unknownOutcome, vendorCode: "timeout", message: "no answer"), kind: .neither)
        let first = session(lost, in: ledger)
        await #expect(throws: EffectError.self) { try await first.perform("registry.submitBrand", step: "3") }
        #expect(first.unresolved == key)
        let port = Port(kind: .neither)
        let second = session(port, in: ledger)
        await #expect { try await second.perform("registry.submitBrand", step: "3") } throws: { ($0 as? EffectError)?.code == .unresolved }
        #expect(await port.performed.isEmpty)
        try await ledger.withdraw(key)
        _ = try await session(port, in: ledger).perform("registry.submitBrand", step: "3")
        #expect(await port.performed == [key])
    }

    @Test func whatWasCertainlyNotDoneIsNoIntention() async throws {
        let ledger = Ledger()
        let busy = Port(failure: EffectError(.temporary, vendorCode: "429", message: "later"), kind: .neither)
        await #expect(throws: EffectError.self) { try await session(busy, in: ledger).perform("registry.submitBrand", step: "3") }
        #expect(try await ledger.intention(key) == nil)
    }

    private func session(_ port: Port, in ledger: Ledger) -> EffectSession {
        EffectSession(entity: "R-1", now: .distantPast, owner: .legacy, epoch: 1, attempt: 1, ledger: ledger, port: port)
    }

    @Test func keepsEarlierEntriesWhenALaterEffectFails() async throws {
        let session = session(Port())
        try await session.perform("registry.submitBrand", step: "3")
        let failing = EffectSession(
            entity: "R-1", now: .distantPast, owner: .legacy, epoch: 1, attempt: 1, ledger: session.entries,
            port: Port(failure: EffectError(.temporary, vendorCode: "429", message: "later")))
        _ = try await failing.perform("registry.submitBrand", step: "3")
        await #expect(throws: EffectError.self) { try await failing.perform("billing.brandFee", step: "3") }
        #expect(failing.entries.isEmpty)
    }

    @Test(arguments: ["R-1/5.2/vetting.order/1", "a/b/3/registry.submitBrand/12", "R-1/5.2#3/vetting.order/1"]) func readsItsOwnText(
        text: String
    ) {
        #expect(EffectKey(text)?.description == text)
    }

    @Test(arguments: ["", "R-1/3/x", "R-1/3/x/y", "R-1/3#0/x/1", "R-1/x/y/1", "R-1/3#1#2/x/1"]) func refusesOtherText(text: String) {
        #expect(EffectKey(text) == nil)
    }
}
