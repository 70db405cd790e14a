public import Events
public import Outcomes

/// The machine of a legacy service, as the service describes it.
///
/// As JSON: `{"name", "initial", "events": [...], "states": [{"state", "step"?, "completes"?, "final"?, "handles": [...], "ignores"?: [...]}]}`.
/// In a state that `completes` a step the service waits for the event `lockstep.continue` before it begins the next one.
public struct LegacyMachine: Codable, Hashable, Sendable {
    /// One state.
    public struct Place: Codable, Hashable, Sendable {
        /// Its name.
        public var state: String
        /// The step it belongs to; nil for a hold, which stays in the step the entity is in.
        public var step: StepNumber?
        /// The step that is complete in it.
        public var completes: StepNumber?
        /// True when nothing leaves it.
        public var final: Bool?
        /// The events on which the machine does something.
        public var handles: [EventKind]
        /// The events that are dropped on purpose.
        public var ignores: [EventKind]?

        /// A state.
        public init(
            state: String, step: StepNumber?, completes: StepNumber? = nil, final: Bool? = nil, handles: [EventKind],
            ignores: [EventKind]? = nil
        ) {
            self.state = state
            self.step = step
            self.completes = completes
            self.final = final
            self.handles = handles
            self.ignores = ignores
        }
    }

    /// Its name.
    public var name: String
    /// The state of a new entity.
    public var initial: String
    /// The events from outside.
    public var events: [EventKind]
    /// Its states.
    public var states: [Place]

    /// A machine.
    public init(name: String, initial: String, events: [EventKind], states: [Place]) {
        self.name = name
        self.initial = initial
        self.events = events
        self.states = states
    }

    /// Reads it from JSON. Throws ``LegacyFault`` with what is wrong.
    public init(parsing text: String) throws {
        do { self = try JSONValue(parsing: text).decoded() } catch {
            throw LegacyFault("the legacy machine: expected its JSON description, found another form: \(error)")
        }
        if let problem { throw LegacyFault("the legacy machine \(name): \(problem)") }
    }

    /// What is wrong with it; nil for nothing.
    public var problem: String? {
        let names = states.map(\.state)
        if let twice = Set(names).first(where: { name in names.count { $0 == name } > 1 }) {
            return "expected each state once, found \(twice) twice"
        }
        guard names.contains(initial) else { return "expected its initial state among its states, found \(initial)" }
        guard states.contains(where: { $0.completes != nil }) else {
            return "expected a state that completes a step, where the next one can move, found none"
        }
        for place in states {
            if let unknown = place.handles.first(where: { !events.contains($0) && $0 != .continue && !$0.rawValue.hasPrefix("timer.") }) {
                return "expected events of the machine, lockstep.continue or timers in \(place.state), found \(unknown)"
            }
            if place.completes != nil, place.step == nil { return "expected a step beside \"completes\" in \(place.state), found none" }
        }
        return nil
    }
}

/// A state of a machine whose states are only known from its description.
public struct ServiceState: MachineState {
    /// The state's name.
    public var rawValue: String
    /// None: the description has them.
    public static var allCases: [ServiceState] { [] }

    /// A state.
    public init(rawValue: String) { self.rawValue = rawValue }
}

extension LegacyMachine {
    /// The machine as a table that says where states lie and which events they handle. Its rows have no code, and say `note`. Nil when
    /// `State` does not have its states.
    public func table<State: MachineState, Record: Sendable>(note: String = "the service handles it") -> Machine<State, Record>? {
        let known = Dictionary(
            states.compactMap { place in State(rawValue: place.state).map { (place.state, $0) } }, uniquingKeysWith: { first, _ in first })
        guard let initial = known[initial], states.allSatisfy({ known[$0.state] != nil }) else { return nil }
        func all<Value>(_ path: KeyPath<Place, Value?>) -> [State: Value] {
            let pairs = states.compactMap { place in
                known[place.state].flatMap { state in place[keyPath: path].map { (state, $0) } }
            }
            return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        }
        let kinds = Set(states.flatMap(\.handles)).sorted { $0.rawValue < $1.rawValue }
        let rows: [Transition<State, Record>] = kinds.map { kind in
            let from = states.filter { $0.handles.contains(kind) }.compactMap { known[$0.state] }
            return Transition(from: from, on: kind, to: [], note) { _, state, _, _ in state }
        }
        return Machine(
            name: name, initial: initial, events: events,
            final: Set(all(\.final).filter(\.value).keys), boundaries: all(\.completes), steps: all(\.step), transitions: rows)
    }

    /// The machine as data that can be printed.
    public func description(note: String = "the service handles it") -> MachineDescription {
        let kinds = events
        return MachineDescription(
            name: name, states: states.map(\.state), events: kinds, final: states.filter { $0.final == true }.map(\.state),
            steps: Dictionary(states.compactMap { place in place.step.map { (place.state, $0.description) } }, uniquingKeysWith: { $1 }),
            rows: states.flatMap { place in
                place.handles.map { .init(from: [place.state], event: $0, to: [], note: note) }
            },
            matrix: states.flatMap { place in kinds.map { place.cell($0, note: note) } })
    }
}

extension LegacyMachine.Place {
    fileprivate func cell(_ event: EventKind, note: String) -> MachineDescription.MatrixCell {
        if handles.contains(event) { return .init(state: state, event: event, kind: "handled", note: note) }
        if ignores?.contains(event) == true { return .init(state: state, event: event, kind: "ignored", note: "dropped on purpose") }
        return .init(state: state, event: event, kind: "undefined", note: "")
    }
}

/// What the bridge knows of a legacy machine that runs elsewhere: where its states lie. The service has its own timers.
public struct ServiceTable: LegacyTable {
    private let places: [String: LegacyMachine.Place]
    private let name: String

    /// The table of a machine.
    public init(_ machine: LegacyMachine) {
        name = machine.name
        places = Dictionary(machine.states.map { ($0.state, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private func known(_ state: String) throws -> LegacyMachine.Place {
        if let place = places[state] { return place }
        throw UnknownRecord("a record in state \(state): expected a state of machine \(name); describe the service's machine anew")
    }

    /// See ``LegacyTable``.
    public func place(of state: String) throws -> LegacyPlace {
        let place = try known(state)
        return LegacyPlace(step: place.step, completed: place.completes, isFinal: place.final == true)
    }

    /// See ``LegacyTable``.
    public func handles(_ event: EventKind, in state: String) throws -> Bool { try known(state).handles.contains(event) }

    /// None: the service has its own cron job.
    public func timers(for times: RecordTimes, in state: String, at now: Timestamp) throws -> [SweepTimer] { [] }

    /// Never: the service has its own cron job.
    public func nextDue(for times: RecordTimes, in state: String) throws -> Timestamp? { nil }
}
