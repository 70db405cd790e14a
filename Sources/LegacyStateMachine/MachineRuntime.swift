public import Events
public import Outcomes

/// A legacy machine as a Swift table in this process. Its record lies in our database, so a hand-off is one transaction.
public struct MachineRuntime<State: MachineState, Record: Codable & Sendable>: LegacyRuntime {
    private let machine: Machine<State, Record>
    private let sweeper: Sweeper<State>
    private let references: @Sendable (Record) -> [String]
    private let states: [String: State]
    private let places: [State: LegacyPlace]

    /// A runtime. `references` are the external ids by which senders name a record's entity.
    public init(_ machine: Machine<State, Record>, sweeper: Sweeper<State>, references: @escaping @Sendable (Record) -> [String]) {
        self.machine = machine
        self.sweeper = sweeper
        self.references = references
        states = Dictionary(State.allCases.map { ($0.rawValue, $0) }, uniquingKeysWith: { first, _ in first })
        places = Dictionary(
            State.allCases.map { state in
                let place = LegacyPlace(
                    step: machine.steps[state], completed: machine.boundaries[state], isFinal: machine.final.contains(state))
                return (state, place)
            }, uniquingKeysWith: { first, _ in first })
    }

    /// See ``LegacyRuntime``.
    public func handle(
        _ event: Event, in state: String, record: RecordBody, times: RecordTimes, attempt: Int, effects: EffectSession
    ) async throws -> LegacyResult {
        let from = try known(state)
        if let reason = sweeper.reasonToIgnore(event, in: from, times) { return LegacyResult(.ignored(reason: reason)) }
        let before: Record = try typed(record, of: event.entity)
        var after = before
        let context = ActionContext(now: effects.now, attempt: attempt, effects: effects)
        switch await machine.handle(event, in: from, record: &after, context: context) {
        case .moved(let to): return changed(.moved(to: to.rawValue), record, before, after)
        case .ignored(let reason): return LegacyResult(.ignored(reason: reason))
        case .undefined: return LegacyResult(.undefined)
        case .retry(let wait, let reason): return LegacyResult(.retry(after: wait, reason: reason))
        case .exhausted(let to?, let reason): return changed(.exhausted(to: to.rawValue, reason: reason), record, before, after)
        case .exhausted(nil, let reason), .failed(let reason): return LegacyResult(.failed(reason: reason))
        }
    }

    private func changed(_ handling: LegacyHandling, _ body: RecordBody, _ before: Record, _ after: Record) -> LegacyResult {
        // The same record keeps its text: to encode it again costs more than the rest of a poll that found nothing new.
        if isSame(before, after) { return LegacyResult(handling, record: body) }
        let known = references(before)
        return LegacyResult(
            handling, record: RecordBody(after), references: references(after).filter { !known.contains($0) })
    }

    private func isSame(_ before: Record, _ after: Record) -> Bool {
        guard let before = before as? any Equatable else { return false }
        return before.equals(after)
    }

    private func known(_ state: String) throws -> State {
        if let state = states[state] { return state }
        throw UnknownRecord("a record in state \(state): expected a state of machine \(machine.name); use the build that wrote it")
    }

    private func typed(_ record: RecordBody, of entity: EntityID) throws -> Record {
        do { return try record.value() } catch {
            let problem = (error as? DecodingError)?.place ?? "\(error)"
            throw UnknownRecord("\(entity): expected a record of machine \(machine.name), found \(problem); use the build that wrote it")
        }
    }

    /// See ``LegacyTable``.
    public func place(of state: String) throws -> LegacyPlace { places[try known(state)] ?? LegacyPlace(step: nil) }

    /// See ``LegacyTable``.
    public func handles(_ event: EventKind, in state: String) throws -> Bool { machine.handles(event, in: try known(state)) }

    /// See ``LegacyTable``.
    public func timers(for times: RecordTimes, in state: String, at now: Timestamp) throws -> [SweepTimer] {
        sweeper.due(for: times, in: try known(state), at: now)
    }

    /// See ``LegacyTable``.
    public func nextDue(for times: RecordTimes, in state: String) throws -> Timestamp? { sweeper.nextDue(for: times, in: try known(state)) }
}

extension Equatable {
    fileprivate func equals(_ other: Any) -> Bool { other as? Self == self }
}
