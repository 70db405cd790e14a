public import Outcomes

/// What adding one step costs: as rows of the legacy table, and as durable code.
public struct StepCost: Codable, Hashable, Sendable {
    /// One side's figures.
    public struct Side: Codable, Hashable, Sendable {
        /// Files that are touched.
        public var files: Int
        /// Lines that come in; a line that changes counts here and below.
        public var linesAdded: Int
        /// Lines that go out.
        public var linesRemoved: Int
        /// What the machine's table grows by; nothing on the durable side.
        public var table: Table

        /// Figures.
        public init(files: Int, linesAdded: Int, linesRemoved: Int, table: Table = Table()) {
            self.files = files
            self.linesAdded = linesAdded
            self.linesRemoved = linesRemoved
            self.table = table
        }
    }

    /// What a table of states and events grows by.
    public struct Table: Codable, Hashable, Sendable {
        /// States that are new.
        public var states = 0
        /// Events that are new.
        public var events = 0
        /// Cells of the matrix that somebody has to decide: those that are new, and those that are decided otherwise.
        public var cells = 0
        /// Those of them that a row handles.
        public var cellsHandled = 0
        /// Rows that are new.
        public var rowsAdded = 0
        /// Rows that were there, and apply in other states, lead elsewhere or do something else.
        public var rowsChanged = 0
        /// States that were there, and have a new way out.
        public var statesTouched = 0

        /// A table that does not grow.
        public init() {}
    }

    /// A line of the comparison.
    public struct Row: Hashable, Sendable {
        /// What is counted.
        public let title: String
        /// How much of it legacy takes.
        public let legacy: Int
        /// How much of it durable takes.
        public let durable: Int
    }

    /// The step.
    public var step: StepNumber
    /// As rows of the table.
    public var legacy: Side
    /// As durable code.
    public var durable: Side

    /// A cost.
    public init(step: StepNumber, legacy: Side, durable: Side) {
        self.step = step
        self.legacy = legacy
        self.durable = durable
    }

    /// The comparison, line by line.
    public var rows: [Row] {
        let lines: [(String, KeyPath<Side, Int>)] = [
            ("files touched", \.files), ("lines added", \.linesAdded), ("lines removed", \.linesRemoved), ("new states", \.table.states),
            ("new events", \.table.events), ("cells of the matrix to decide", \.table.cells), ("of these handled", \.table.cellsHandled),
            ("new rows", \.table.rowsAdded), ("existing rows that change", \.table.rowsChanged),
            ("existing states with a new way out", \.table.statesTouched),
        ]
        return lines.map { Row(title: $0, legacy: legacy[keyPath: $1], durable: durable[keyPath: $1]) }
    }
}
