public import Events

/// A row of a store that cannot be read: a text that no build knows, content that is no content.
public struct UnreadableRow: Error, Hashable, Sendable, CustomStringConvertible {
    /// The table.
    public let table: String
    /// The row.
    public let key: String
    /// What of it cannot be read.
    public let column: String
    /// What it should be.
    public let expected: String
    /// What it is; never content of a payload.
    public let found: String

    /// An error.
    public init(table: String, key: String, column: String, expected: String, found: String) {
        (self.table, self.key, self.column, self.expected, self.found) = (table, key, column, expected, found)
    }

    /// One sentence.
    public var description: String {
        "\(table), row \(key), column \(column): expected \(expected), found \(found); use the build that wrote it, or restore a backup"
    }
}

/// Something due that could not be run, set aside so that everything else goes on.
public struct QuarantinedItem: Hashable, Sendable {
    /// What was due.
    public var item: DueItem
    /// Why it could not be run, in one sentence.
    public var problem: String
    /// When it was set aside.
    public var at: Timestamp

    /// An item that is set aside.
    public init(item: DueItem, problem: String, at: Timestamp) {
        (self.item, self.problem, self.at) = (item, problem, at)
    }
}

/// The id of a message or of a start that a run has taken, so that nobody takes it again.
public struct TakenRequest: Hashable, Sendable {
    /// Where the id counts once: the signals or updates of a chain of runs, the starts of a workflow id.
    public var scope: String
    /// The id.
    public var id: String
    /// The key of the run that has taken it; it is remembered as long as that run is.
    public var run: Int64

    /// An id that was taken.
    public init(scope: String, id: String, run: Int64) { (self.scope, self.id, self.run) = (scope, id, run) }
}

/// An error that concerns one run, one command or one schedule, and nobody else. Any other error is the environment's.
protocol ConcernsOne: Error {}

extension UnreadableRow: ConcernsOne {}
extension LimitExceeded: ConcernsOne {}
extension PayloadError: ConcernsOne {}
extension HistoryError: ConcernsOne {}
extension JSONError: ConcernsOne {}
extension DecodingError: ConcernsOne {}
extension EncodingError: ConcernsOne {}
extension ScheduleError: ConcernsOne {}
extension WorkflowAlreadyStarted: ConcernsOne {}
extension WorkflowNotFound: ConcernsOne {}
extension UnknownWorkflowType: ConcernsOne {}
extension NonDeterminismError: ConcernsOne {}
extension UnusableOptions: ConcernsOne {}
