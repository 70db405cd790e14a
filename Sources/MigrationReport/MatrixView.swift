/// The legacy machine's states × events with how often each cell was taken.
public struct MatrixView: Codable, Hashable, Sendable {
    /// What the table says about a cell.
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        /// A row handles it.
        case handled
        /// Dropped on purpose.
        case ignored
        /// Nobody has thought about it.
        case undefined
    }

    /// One cell.
    public struct Cell: Codable, Hashable, Sendable {
        /// What the table says.
        public var kind: Kind
        /// How many events met it.
        public var taken: Int

        /// A cell.
        public init(kind: Kind, taken: Int = 0) {
            self.kind = kind
            self.taken = taken
        }
    }

    /// The machine's name.
    public var machine: String
    /// The rows' states.
    public var states: [String]
    /// The columns' events.
    public var events: [String]
    /// The cells: one row per state, one cell per event.
    public var cells: [[Cell]]

    /// `39 states × 46 events`.
    var size: String { "\(Text.count(states.count, "state", "states")) × \(Text.count(events.count, "event", "events"))" }

    /// A matrix. `taken` has the counts by state and event, as ``JournalTally/taken`` gives them; `kind` says what the table says.
    public init(
        machine: String, states: [String], events: [String], taken: [String: [String: Int]] = [:],
        kind: (_ state: String, _ event: String) -> Kind
    ) {
        self.machine = machine
        self.states = states
        self.events = events
        cells = states.map { state in
            events.map { event in Cell(kind: kind(state, event), taken: taken[state]?[event] ?? 0) }
        }
    }

    /// How many cells are of `kind`; with `taken` only those that an event met.
    public func count(of kind: Kind, taken: Bool = false) -> Int {
        cells.joined().count { $0.kind == kind && (!taken || $0.taken > 0) }
    }
}
