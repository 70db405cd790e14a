public import Events
import Outcomes

/// A machine as data that can be printed: the table, the matrix and its counts.
public struct MachineDescription: Codable, Hashable, Sendable {
    /// One row of the table.
    public struct Row: Codable, Hashable, Sendable {
        /// The states it applies in.
        public var from: [String]
        /// The event.
        public var event: EventKind
        /// Where it may lead.
        public var to: [String]
        /// What is done.
        public var note: String
    }

    /// One cell of the states × events matrix.
    public struct MatrixCell: Codable, Hashable, Sendable {
        /// The state.
        public var state: String
        /// The event.
        public var event: EventKind
        /// `handled`, `ignored` or `undefined`.
        public var kind: String
        /// The row's note, or the reason for ignoring.
        public var note: String
    }

    /// The machine's name.
    public var name: String
    /// Its states, in declaration order.
    public var states: [String]
    /// Its events, in the order of the columns.
    public var events: [EventKind]
    /// The states that nothing leaves.
    public var final: [String]
    /// The step each state belongs to.
    public var steps: [String: String]
    /// Its rows.
    public var rows: [Row]
    /// Every cell, row by row.
    public var matrix: [MatrixCell]

    /// How many cells are `kind`.
    public func count(_ kind: String) -> Int { matrix.count { $0.kind == kind } }
}

extension Machine {
    /// The machine as data.
    public var description: MachineDescription {
        MachineDescription(
            name: name, states: State.allCases.map(\.rawValue), events: events,
            final: State.allCases.filter(final.contains).map(\.rawValue),
            steps: Dictionary(steps.map { ($0.key.rawValue, $0.value.description) }, uniquingKeysWith: { $1 }),
            rows: transitions.map { row in
                .init(from: row.from.map(\.rawValue), event: row.event, to: row.to.map(\.rawValue), note: row.note)
            },
            matrix: State.allCases.flatMap { state in events.map { matrixCell(state, $0) } })
    }

    /// Where the machine's states lie and which events they handle, without the code: what is left when legacy is retired.
    public var map: LegacyMachine {
        let kinds = Set(rows.keys.map(\.event)).sorted { $0.rawValue < $1.rawValue }
        return LegacyMachine(
            name: name, initial: initial.rawValue, events: events,
            states: State.allCases.map { state in
                let dropped = events.filter { if case .ignored = cell(state, $0) { true } else { false } }
                return .init(
                    state: state.rawValue, step: steps[state], completes: boundaries[state], final: final.contains(state) ? true : nil,
                    handles: kinds.filter { handles($0, in: state) }, ignores: dropped.isEmpty ? nil : dropped)
            })
    }

    private func matrixCell(_ state: State, _ event: EventKind) -> MachineDescription.MatrixCell {
        switch cell(state, event) {
        case .handled(let note, _): .init(state: state.rawValue, event: event, kind: "handled", note: note)
        case .ignored(let reason): .init(state: state.rawValue, event: event, kind: "ignored", note: reason)
        case .undefined: .init(state: state.rawValue, event: event, kind: "undefined", note: "")
        }
    }
}

extension MachineDescription {
    /// The table as text, one line a row.
    public var text: String {
        var lines = ["\(name): \(states.count.counted("state")), \(events.count.counted("event")), \(counts)"]
        for state in states {
            lines.append("")
            lines.append("\(state)\(steps[state].map { " (step \($0))" } ?? "")\(final.contains(state) ? " final" : "")")
            for row in rows where row.from.contains(state) {
                let targets = row.to.isEmpty ? "stays" : "-> \(row.to.joined(separator: " | "))"
                lines.append("  \(row.event.rawValue)  \(targets)  \(row.note)")
            }
        }
        return lines.joined(separator: "\n")
    }

    /// `936 handled, 500 ignored, 358 undefined`
    public var counts: String { "\(count("handled")) handled, \(count("ignored")) ignored, \(count("undefined")) undefined" }

    /// The matrix as text: one line a state, `#` handled, `-` ignored, `.` undefined, columns numbered in a legend.
    public var matrixText: String {
        let width = states.map(\.count).max() ?? 0
        var lines = [counts, "# handled   - ignored   . undefined", ""]
        for (number, event) in events.enumerated() { lines.append("\(number + 1)\t\(event)") }
        lines.append("")
        for state in states {
            let marks = matrix.filter { $0.state == state }.map { $0.kind == "handled" ? "#" : $0.kind == "ignored" ? "-" : "." }
            lines.append(state.padded(to: width) + " " + marks.joined())
        }
        return lines.joined(separator: "\n")
    }

    /// A Mermaid state diagram.
    public var mermaid: String {
        var lines = ["stateDiagram-v2"]
        for (from, to, event) in arrows { lines.append("    \(from) --> \(to): \(event)") }
        for state in final { lines.append("    \(state) --> [*]") }
        return lines.joined(separator: "\n")
    }

    /// A Graphviz digraph.
    public var dot: String {
        var lines = ["digraph \"\(name)\" {", "    rankdir=LR; node [shape=box, fontname=\"sans-serif\"];"]
        for state in final { lines.append("    \"\(state)\" [peripheries=2];") }
        for (from, to, event) in arrows { lines.append("    \"\(from)\" -> \"\(to)\" [label=\"\(event)\"];") }
        lines.append("}")
        return lines.joined(separator: "\n")
    }

    private var arrows: [(String, String, EventKind)] {
        rows.flatMap { row in
            row.from.flatMap { from in row.to.filter { $0 != from }.map { (from, $0, row.event) } }
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }
}
