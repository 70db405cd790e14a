import Events
import LegacyStateMachine
import Outcomes
import Testing

private enum State: String, MachineState { case OPEN, CHECKED, REFUSED, CLOSED }

private struct Claim: Sendable { var words: [String] = [] }

/// The party of a test that calls nobody.
private struct Down: EffectPort {
    static let error = EffectError(.temporary, vendorCode: "503", message: "down")
    func kind(of operation: String) -> PartyKind { .refusesKnownKeys }
    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue { throw Self.error }
    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { nil }
    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { throw Self.error }
}

/// Each bug changes what one cell of the table does, and nothing else.
@Suite struct CellBugTests {
    private static let machine = Machine<State, Claim>(
        name: "claims", initial: .OPEN, events: ["word", "check", "close"], final: [.CLOSED],
        steps: [.OPEN: "1", .CHECKED: "1", .REFUSED: "1", .CLOSED: "2"],
        transitions: [
            Transition(from: [.OPEN], on: "word", "keep it") { claim, state, _, _ in
                claim.words.append("word")
                return state
            },
            Transition(from: [.OPEN], on: "check", to: [.REFUSED, .CHECKED], "look at it") { claim, _, _, _ in
                claim.words.append("check")
                return .CHECKED
            },
            Transition(from: [.CHECKED], on: "close", to: [.CLOSED], "close it", exhausted: .REFUSED) { claim, _, _, context in
                claim.words.append("close")
                try await context.effects.perform("bank.close", step: "1", request: [:])
                return .CLOSED
            },
        ],
        ignored: [Ignored(["word"], in: [.REFUSED], "it is over")])

    private func handle(_ kind: EventKind, in state: State, _ bug: CellBug) async throws -> (handling: Handling<State>, words: [String]) {
        let bent = try #require(Self.machine.bent(bug, on: kind, in: state))
        var claim = Claim()
        let event = Event(id: "e", source: "test", entity: "C-1", kind: kind, receivedAt: .distantPast)
        let effects = EffectSession(
            entity: "C-1", now: .distantPast, owner: .legacy, epoch: 1, attempt: 8, ledger: [], port: Down())
        let context = ActionContext(now: .distantPast, attempt: 8, effects: effects)
        let handling = await bent.handle(event, in: state, record: &claim, context: context)
        for (other, event) in Self.machine.handled where other != state || event != kind {
            #expect(bent.cell(other, event) == Self.machine.cell(other, event))
        }
        return (handling, claim.words)
    }

    @Test func anEventIsForgotten() async throws {
        let (handling, words) = try await handle("word", in: .OPEN, .forgotten)
        #expect(handling == .undefined && words.isEmpty)
    }

    @Test func theWorkIsDoneAndLeadsNowhereOrElsewhere() async throws {
        let nowhere = try await handle("check", in: .OPEN, .leadsNowhere)
        #expect(nowhere.handling == .moved(.OPEN) && nowhere.words == ["check"])
        let elsewhere = try await handle("check", in: .OPEN, .leadsElsewhere)
        #expect(elsewhere.handling == .moved(.REFUSED) && elsewhere.words == ["check"])
    }

    @Test func nothingIsWrittenOrDone() async throws {
        let unwritten = try await handle("check", in: .OPEN, .writesNothing)
        #expect(unwritten.handling == .moved(.CHECKED) && unwritten.words.isEmpty)
        let undone = try await handle("close", in: .CHECKED, .doesNothing)
        #expect(undone.handling == .moved(.CLOSED) && undone.words.isEmpty)
    }

    @Test func whatFailsForGoodLeadsNowhere() async throws {
        guard case .failed = try await handle("close", in: .CHECKED, .givesUp).handling else {
            return #expect(Bool(false), "expected a failure")
        }
        let right = try await handle("word", in: .REFUSED, .handled)
        #expect(right.handling == .moved(.REFUSED) && right.words == ["word"])
    }

    private func isPossible(_ bug: CellBug, on event: EventKind, in state: State) -> Bool {
        Self.machine.bent(bug, on: event, in: state) != nil
    }

    @Test func aBugThatCannotBeMadeIsNone() {
        // Nothing else to lead to; two states to choose from; no state for what has failed; nobody in the step handles it.
        #expect(!isPossible(.leadsNowhere, on: "word", in: .OPEN))
        #expect(!isPossible(.doesNothing, on: "check", in: .OPEN))
        #expect(!isPossible(.givesUp, on: "check", in: .OPEN))
        #expect(!isPossible(.handled, on: "close", in: .CLOSED))
        #expect(!isPossible(.handled, on: "check", in: .OPEN))
        #expect(!isPossible(.forgotten, on: "word", in: .REFUSED))
    }
}
