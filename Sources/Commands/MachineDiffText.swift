import Events
import LegacyStateMachine
import MigrationReport

extension StepCost {
    /// The comparison as a table.
    var text: String { Console.table([["", "legacy", "durable"]] + rows.map { [$0.title, String($0.legacy), String($0.durable)] }) }
}

extension TouchedFile {
    /// `+12 -3  Sources/…`
    static func text(_ files: [TouchedFile]) -> String {
        Console.table(files.map { ["  +\($0.added)", "-\($0.removed)", $0.path] })
    }
}

extension MachineDiff {
    /// What is different, a block for each kind of difference; empty when nothing is.
    var text: String {
        let blocks = [
            names("new states", statesAdded), names("states that are gone", statesRemoved),
            names("new events", eventsAdded.map(\.rawValue)), names("events that are gone", eventsRemoved.map(\.rawValue)),
            list("cells of the matrix to decide", cells.count, cellLines), list("new rows", rowsAdded.count, rowsAdded.map(\.line)),
            list("rows that are gone", rowsRemoved.count, rowsRemoved.map(\.line)),
            list("existing rows that change", rowsChanged.count, rowsChanged.map(\.line)),
            names("existing states with a new way out", statesTouched),
        ]
        return blocks.compactMap { $0 }.joined(separator: "\n\n")
    }

    private func names(_ title: String, _ names: [String]) -> String? {
        list(title, names.count, names.isEmpty ? [] : [names.joined(separator: ", ")])
    }

    private func list(_ title: String, _ count: Int, _ lines: [String]) -> String? {
        count == 0 ? nil : (["\(title): \(count)"] + lines.map { "  " + $0 }).joined(separator: "\n")
    }

    /// `1 from undefined to handled`, the kinds in the order of their names.
    private var cellLines: [String] {
        let kinds = Dictionary(grouping: cells) { [$0.before ?? "none", $0.after ?? "none"] }
        return kinds.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { kinds, cells in
            "\(cells.count) \(kinds[0] == "none" ? "new:" : "from \(kinds[0]) to") \(kinds[1])"
        }
    }
}

extension MachineDescription.Row {
    /// `EVP_REPORT_SCORE  in VETTING_ORDERED  -> VETTING_COMPLETE  take the report over`
    fileprivate var line: String {
        let targets = to.isEmpty ? "stays" : "-> \(Self.short(to))"
        return "\(event)  in \(Self.short(from))  \(targets)  \(note)"
    }

    /// A few states by name, many by their number.
    fileprivate static func short(_ states: [String]) -> String {
        states.count > 4 ? states.count.counted("state") : states.joined(separator: " | ")
    }
}

extension MachineDiff.ChangedRow {
    /// `brand.suspended  hold: also in 7 states`
    fileprivate var line: String {
        func parts(_ word: String, _ states: [String], without others: [String]) -> [String] {
            let rest = states.filter { !others.contains($0) }
            return rest.isEmpty ? [] : ["\(word) \(MachineDescription.Row.short(rest))"]
        }
        let changes =
            parts("also in", after.from, without: before.from) + parts("no longer in", before.from, without: after.from)
            + parts("leads also to", after.to, without: before.to) + parts("leads no longer to", before.to, without: after.to)
            + (before.note == after.note ? [] : ["now '\(after.note)'"])
        let sentence = changes.isEmpty ? "its states in another order" : changes.joined(separator: ", ")
        return "\(before.event)  \(before.note): \(sentence)"
    }
}
