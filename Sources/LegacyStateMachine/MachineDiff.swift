public import Events

/// What is different between two descriptions of a machine. It compares what the table says; code that changes behind a row that stays as
/// it is does not show.
public struct MachineDiff: Codable, Hashable, Sendable {
    /// A cell of the matrix of which the tables say different things.
    public struct Cell: Codable, Hashable, Sendable {
        /// The state.
        public var state: String
        /// The event.
        public var event: EventKind
        /// `handled`, `ignored` or `undefined` in the first table; nil when its matrix has no such cell.
        public var before: String?
        /// The same in the second table.
        public var after: String?
    }

    /// A row that both tables have, in two forms.
    public struct ChangedRow: Codable, Hashable, Sendable {
        /// The row in the first table.
        public var before: MachineDescription.Row
        /// The row in the second table.
        public var after: MachineDescription.Row
    }

    /// A way from one state to another, on an event. A row that may lead to every state, as an override does, is no way of the process.
    public struct Arrow: Codable, Hashable, Sendable {
        /// Where it begins.
        public var from: String
        /// Where it leads.
        public var to: String
        /// On which event.
        public var event: EventKind
    }

    /// The states that only the second table has, in its order.
    public var statesAdded: [String]
    /// The states that only the first table has.
    public var statesRemoved: [String]
    /// The events that only the second table has.
    public var eventsAdded: [EventKind]
    /// The events that only the first table has.
    public var eventsRemoved: [EventKind]
    /// The cells that one matrix alone has, and those of another kind: the first table's in its order, then the second one's.
    public var cells: [Cell]
    /// The rows that only the second table has.
    public var rowsAdded: [MachineDescription.Row]
    /// The rows that only the first table has.
    public var rowsRemoved: [MachineDescription.Row]
    /// The rows that both have, for other states, with other targets or another note.
    public var rowsChanged: [ChangedRow]
    /// The ways between different states that only the second table has.
    public var arrowsAdded: [Arrow]
    /// The ways between different states that only the first table has.
    public var arrowsRemoved: [Arrow]

    /// What is different in `second`.
    public init(from first: MachineDescription, to second: MachineDescription) {
        statesAdded = Self.missing(second.states, in: first.states)
        statesRemoved = Self.missing(first.states, in: second.states)
        eventsAdded = Self.missing(second.events, in: first.events)
        eventsRemoved = Self.missing(first.events, in: second.events)
        cells = Self.cells(first.matrix, second.matrix)
        let pairs = RowPairs(first.rows, second.rows)
        rowsAdded = second.rows.indices.filter { !pairs.second.contains($0) }.map { second.rows[$0] }
        rowsRemoved = first.rows.indices.filter { !pairs.first.contains($0) }.map { first.rows[$0] }
        rowsChanged = pairs.pairs.map { ChangedRow(before: first.rows[$0], after: second.rows[$1]) }.filter { $0.before != $0.after }
        arrowsAdded = Self.missing(Self.arrows(second), in: Self.arrows(first))
        arrowsRemoved = Self.missing(Self.arrows(first), in: Self.arrows(second))
    }

    /// True when the tables say the same.
    public var isEmpty: Bool {
        statesAdded.isEmpty && statesRemoved.isEmpty && eventsAdded.isEmpty && eventsRemoved.isEmpty && cells.isEmpty && rowsAdded.isEmpty
            && rowsRemoved.isEmpty && rowsChanged.isEmpty && arrowsAdded.isEmpty && arrowsRemoved.isEmpty
    }

    /// The states of both tables that have a new way out.
    public var statesTouched: [String] {
        let added = Set(statesAdded)
        return Self.unique(arrowsAdded.map(\.from).filter { !added.contains($0) })
    }

    /// The cells that the second matrix has as `kind` and the first one has not.
    public func cells(that kind: String) -> Int { cells.count { $0.after == kind } }

    private static func missing<Element: Hashable>(_ elements: [Element], in others: [Element]) -> [Element] {
        let known = Set(others)
        return unique(elements.filter { !known.contains($0) })
    }

    private static func unique<Element: Hashable>(_ elements: [Element]) -> [Element] {
        var seen: Set<Element> = []
        return elements.filter { seen.insert($0).inserted }
    }

    private static func arrows(_ machine: MachineDescription) -> [Arrow] {
        let states = Set(machine.states)
        return machine.rows.filter { !states.isSubset(of: $0.to) }.flatMap { row in
            row.from.flatMap { from in row.to.filter { $0 != from }.map { Arrow(from: from, to: $0, event: row.event) } }
        }
    }

    private static func cells(_ first: [MachineDescription.MatrixCell], _ second: [MachineDescription.MatrixCell]) -> [Cell] {
        let (before, after) = (kinds(first), kinds(second))
        let changed = first.map { Place($0) }.map { Cell(state: $0.state, event: $0.event, before: before[$0], after: after[$0]) }
        let added = second.map { Place($0) }.filter { before[$0] == nil }
        return changed.filter { $0.before != $0.after }
            + added.map { Cell(state: $0.state, event: $0.event, before: nil, after: after[$0]) }
    }

    private struct Place: Hashable {
        let state: String
        let event: EventKind

        init(_ cell: MachineDescription.MatrixCell) { (state, event) = (cell.state, cell.event) }
    }

    private static func kinds(_ matrix: [MachineDescription.MatrixCell]) -> [Place: String] {
        Dictionary(matrix.map { (Place($0), $0.kind) }, uniquingKeysWith: { first, _ in first })
    }
}

/// Which rows of two tables are the same row: equal ones, then those of one event with the same note, then those that share most states.
private struct RowPairs {
    private(set) var pairs: [(Int, Int)] = []
    private(set) var first: Set<Int> = []
    private(set) var second: Set<Int> = []

    private struct Candidate {
        let first: Int
        let second: Int
        let rank: Int
        let shared: Int

        /// Two candidates for one row never have the same sum of places, so the order is the same whichever table comes first.
        func isBefore(_ other: Candidate) -> Bool {
            (other.rank, other.shared, first + second) < (rank, shared, other.first + other.second)
        }
    }

    init(_ before: [MachineDescription.Row], _ after: [MachineDescription.Row]) {
        let places = Dictionary(grouping: after.indices) { after[$0].event }
        let candidates = before.indices.flatMap { index in
            (places[before[index].event] ?? []).compactMap { Self.candidate(before, index, after, $0) }
        }
        for candidate in candidates.sorted(by: { $0.isBefore($1) })
        where !first.contains(candidate.first) && !second.contains(candidate.second) {
            first.insert(candidate.first)
            second.insert(candidate.second)
            pairs.append((candidate.first, candidate.second))
        }
        pairs.sort { $0 < $1 }
    }

    private static func candidate(
        _ before: [MachineDescription.Row], _ first: Int, _ after: [MachineDescription.Row], _ second: Int
    ) -> Candidate? {
        let (one, other) = (before[first], after[second])
        let shared = Set(one.from).intersection(other.from).count
        guard shared > 0 || one.note == other.note else { return nil }
        return Candidate(first: first, second: second, rank: one == other ? 2 : one.note == other.note ? 1 : 0, shared: shared)
    }
}
