import Events
public import Outcomes

/// A file that a change touches, with the lines that it adds and removes. A line that changes is removed and added.
public struct TouchedFile: Codable, Hashable, Sendable {
    /// Its path from the root of the sources.
    public var path: String
    /// The lines that come in.
    public var added: Int
    /// The lines that go out.
    public var removed: Int

    /// The file with these texts before and after the change; `before` is nil for a file that is new.
    public init(_ path: String, before: String?, after: String) {
        self.path = path
        let change = Self.lines(after).difference(from: before.map(Self.lines) ?? [])
        added = change.insertions.count
        removed = change.removals.count
    }

    private static func lines(_ text: String) -> [Substring] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.last == "" ? lines.dropLast() : lines
    }
}

/// What adding a step takes on either side, as somebody has measured it: the legacy machine with the step really in its table, and the
/// files that either side touches.
///
/// It is kept as a text beside the sources, and a test that measures anew fails when the text is stale.
public struct MachineExtension: Hashable, Sendable {
    /// The step.
    public var step: StepNumber
    /// The legacy machine with the step.
    public var machine: MachineDescription
    /// What the step touches as rows of the table.
    public var legacy: [TouchedFile]
    /// What it touches as durable code.
    public var durable: [TouchedFile]

    /// An extension.
    public init(step: StepNumber, machine: MachineDescription, legacy: [TouchedFile], durable: [TouchedFile]) {
        self.step = step
        self.machine = machine
        self.legacy = legacy
        self.durable = durable
    }

    /// Reads what ``text`` has written.
    public init(parsing text: String) throws {
        let form: Form = try JSONValue(parsing: text).decoded()
        self.init(step: form.step, machine: form.machine.description, legacy: form.legacy, durable: form.durable)
    }

    /// The extension as one line of JSON. The matrix is left out as far as the rows say it.
    public var text: String {
        get throws {
            let form = Form(step: step, machine: Table(machine), legacy: legacy, durable: durable)
            return try JSONValue(encoding: form).canonicalText + "\n"
        }
    }

    private struct Form: Codable {
        var step: StepNumber
        var machine: Table
        var legacy: [TouchedFile]
        var durable: [TouchedFile]
    }
}

/// A description without what follows from the rest of it.
private struct Table: Codable {
    /// An event that is dropped in some states for one reason.
    struct Ignored: Codable, Hashable {
        var event: EventKind
        var reason: String
        var states: [String]
    }

    var name: String
    var states: [String]
    var events: [EventKind]
    var final: [String]
    var steps: [String: String]
    var rows: [MachineDescription.Row]
    var ignored: [Ignored]

    init(_ machine: MachineDescription) {
        (name, states, events) = (machine.name, machine.states, machine.events)
        (final, steps, rows) = (machine.final, machine.steps, machine.rows)
        let dropped = Dictionary(grouping: machine.matrix.filter { $0.kind == "ignored" }) { [$0.event.rawValue, $0.note] }
        ignored = dropped.values.compactMap { cells in
            cells.first.map { Ignored(event: $0.event, reason: $0.note, states: cells.map(\.state)) }
        }.sorted { ($0.event.rawValue, $0.reason) < ($1.event.rawValue, $1.reason) }
    }

    var description: MachineDescription {
        var cells: [[String]: (kind: String, note: String)] = [:]
        for entry in ignored { for state in entry.states { cells[[state, entry.event.rawValue]] = ("ignored", entry.reason) } }
        for row in rows { for state in row.from { cells[[state, row.event.rawValue]] = ("handled", row.note) } }
        let matrix = states.flatMap { state in
            events.map { event in
                let cell = cells[[state, event.rawValue]] ?? ("undefined", "")
                return MachineDescription.MatrixCell(state: state, event: event, kind: cell.kind, note: cell.note)
            }
        }
        return MachineDescription(
            name: name, states: states, events: events, final: final, steps: steps, rows: rows, matrix: matrix)
    }
}
