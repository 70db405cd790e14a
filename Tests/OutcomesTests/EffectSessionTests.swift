import Events
import Outcomes
import Testing

/// A port that answers as told and counts.
private actor Port: EffectPort {
    private(set) var performed: [EffectKey] = []
    private(set) var lookedUp: [EffectKey] = []
    var known: [EffectKey: JSONValue]
    let failure: EffectError?

    init(known: [EffectKey: JSONValue] = [:], failure: EffectError? = nil) {
        self.known = known
        self.failure = failure
    }

    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        if let failure { throw failure }
        if known[call.key] != nil { throw EffectError(.duplicate, vendorCode: "503", message: "known") }
        performed.append(call.key)
        return ["n": .integer(performed.count)]
    }

    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? {
        lookedUp.append(key)
        return known[key]
    }

    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { [:] }
}

@Suite struct EffectSessionTests {
    private let key = EffectKey(entity: "R-1", step: "3", operation: "registry.submitBrand")

    private func session(_ port: Port, attempt: Int = 1, ledger: [LedgerEntry] = []) -> EffectSession {
        EffectSession(entity: "R-1", now: .distantPast, owner: "legacy", epoch: 1, attempt: attempt, ledger: ledger, port: port)
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
        let entry = LedgerEntry(key: key, request: [:], reply: ["old": true], owner: "legacy", epoch: 1, attempt: 1, at: .distantPast)
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

    @Test func keepsEarlierEntriesWhenALaterEffectFails() async throws {
        let session = session(Port())
        try await session.perform("registry.submitBrand", step: "3")
        let failing = EffectSession(
            entity: "R-1", now: .distantPast, owner: "legacy", epoch: 1, attempt: 1, ledger: session.entries,
            port: Port(failure: EffectError(.temporary, vendorCode: "429", message: "later")))
        try await failing.perform("registry.submitBrand", step: "3")
        await #expect(throws: EffectError.self) { try await failing.perform("billing.brandFee", step: "3") }
        #expect(failing.entries.isEmpty)
    }

    @Test(arguments: ["R-1/5.2/vetting.order/1", "a/b/3/registry.submitBrand/12"]) func readsItsOwnText(text: String) {
        #expect(EffectKey(text)?.description == text)
    }

    @Test(arguments: ["", "R-1/3/x", "R-1/3/x/y"]) func refusesOtherText(text: String) { #expect(EffectKey(text) == nil) }
}
