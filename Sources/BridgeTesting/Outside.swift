public import Events
public import Outcomes
import Synchronization

/// The outside of a run: whom the bridge calls, and who is told what happens out there.
public protocol Outside: EffectPort {
    /// Something happens out there: a line of a trace, delivered or not, or a `world` line that says how the outside is to answer.
    func happen(_ line: TraceLine) throws
    /// An earlier run has made this entity known.
    func recall(_ entity: EntityID)
    /// What an earlier run was told by a delivery, whose line does not come again.
    func recall(_ event: Event)
    /// What a person finds out who asks by other ways whether an effect was performed: its reply; nil when it was not.
    func performed(_ key: EffectKey) -> JSONValue?
    /// The deliveries that the outside has come up with since it was last asked.
    func takeLines() -> [TraceLine]
}

extension Outside {
    /// Nothing is kept of it.
    public func recall(_ entity: EntityID) {}
    /// Nothing is kept of it.
    public func recall(_ event: Event) {}
    /// None: everything that is delivered stands in the recording.
    public func takeLines() -> [TraceLine] { [] }
}

/// An outside that can be copied at any moment: what an explorer needs, which goes on from one moment in many ways.
public protocol ForkableOutside: Outside {
    /// An outside of its own that knows what this one knows now.
    func fork() -> any ForkableOutside
    /// All that it knows and that can still matter, as text: two outsides with equal texts answer in the same way.
    var standing: String { get }
}

/// An outside for recordings of any domain: it says yes to everything that nobody has scripted otherwise.
///
/// A `world` line scripts it; see ``AnswerScripts`` for its members. Calls and look-ups are answered from what was performed.
public final class ScriptedOutside: Outside {
    private struct State {
        var scripts = AnswerScripts()
        var replies: [EffectKey: JSONValue]
    }

    private let journal: any EffectJournal
    private let parties: PartyKind
    private let reply: @Sendable (EffectCall) -> JSONValue
    private let answer: @Sendable (ReadQuery) -> JSONValue
    private let state: Mutex<State>

    /// An outside that remembers what `journal` has. `reply` and `answer` are what it says to calls and reads that no line scripts.
    public init(
        journal: any EffectJournal, parties: PartyKind = .answersLookUps,
        reply: @escaping @Sendable (EffectCall) -> JSONValue = { _ in [:] },
        answer: @escaping @Sendable (ReadQuery) -> JSONValue = { _ in [:] }
    ) {
        self.journal = journal
        self.parties = parties
        self.reply = reply
        self.answer = answer
        state = Mutex(State(replies: Dictionary(journal.entries.map { ($0.key, $0.reply) }, uniquingKeysWith: { first, _ in first })))
    }

    private init(copying other: ScriptedOutside) {
        journal = MemoryJournal()
        (parties, reply, answer) = (other.parties, other.reply, other.answer)
        state = Mutex(other.state.withLock { $0 })
    }

    /// Required by ``Outside``, which says what it does.
    public func happen(_ line: TraceLine) throws {
        guard line.source == .world else { return }
        try state.withLock { try $0.scripts.take(line.body) }
    }

    /// Required by ``EffectPort``, which says what it does.
    public func kind(of operation: String) -> PartyKind { parties }

    /// Required by ``EffectPort``, which says what it does.
    public func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        let result: Result<JSONValue, EffectError> = state.withLock { state in
            if parties == .refusesKnownKeys, state.replies[call.key] != nil {
                return .failure(EffectError(.duplicate, vendorCode: "503", message: "\(call.key) was performed before"))
            }
            let failure = state.scripts.failure(of: call)
            if let failure, !failure.isPerformed { return .failure(failure.error) }
            let reply = state.scripts.reply(to: call) ?? reply(call)
            do { try journal.append(LedgerEntry(call, reply: reply)) } catch {
                return .failure(EffectError(.temporary, vendorCode: "journal", message: "\(error)"))
            }
            state.replies[call.key] = reply
            return failure.map { .failure($0.error) } ?? .success(reply)
        }
        return try result.get()
    }

    /// Required by ``EffectPort``, which says what it does.
    public func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { parties == .neither ? nil : performed(key) }

    /// Required by ``Outside``, which says what it does.
    public func performed(_ key: EffectKey) -> JSONValue? { state.withLock { $0.replies[key] } }

    /// Required by ``EffectPort``, which says what it does.
    public func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue {
        state.withLock { $0.scripts.answer(to: query) } ?? answer(query)
    }
}

extension ScriptedOutside: ForkableOutside {
    /// Required by ``ForkableOutside``, which says what it does.
    public func fork() -> any ForkableOutside { ScriptedOutside(copying: self) }

    /// Required by ``ForkableOutside``, which says what it does. Scripts are the recording's, the same for all copies.
    public var standing: String { state.withLock { $0.replies.keys.map(\.description).sorted().joined(separator: "\n") } }
}
