import ArgumentParser

/// A word on the command line that stands where a verb is expected and is none.
struct MisspeltVerb {
    /// The verb that it is closest to.
    let suggestion: String

    /// Looks for one in `arguments`, which do not begin with the program's name; nil when every verb is one, or when none is close.
    init?(in arguments: some Sequence<String>, below root: any ParsableCommand.Type) {
        var command = root
        for word in arguments {
            let verbs = command.configuration.subcommands
            guard !verbs.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
            if let verb = verbs.first(where: { $0._commandName == word }) {
                command = verb
                continue
            }
            let near = verbs.map { (name: $0._commandName, distance: Self.distance(word, $0._commandName)) }
            guard let best = near.min(by: { $0.distance < $1.distance }), best.distance <= max(1, best.name.count / 3) else { return nil }
            suggestion = best.name
            return
        }
        return nil
    }

    /// How many letters have to be put in, left out, changed, or swapped with the one beside it.
    static func distance(_ one: String, _ other: String) -> Int {
        let (one, other) = (Array(one), Array(other))
        var rows = [Array(0...other.count)]
        for row in 1..<(one.count + 1) {
            var present = [row]
            for column in 1..<(other.count + 1) {
                let change = rows[row - 1][column - 1] + (one[row - 1] == other[column - 1] ? 0 : 1)
                present.append(min(change, rows[row - 1][column] + 1, present[column - 1] + 1))
                if row > 1, column > 1, one[row - 1] == other[column - 2], one[row - 2] == other[column - 1] {
                    present[column] = min(present[column], rows[row - 2][column - 2] + 1)
                }
            }
            rows.append(present)
        }
        return rows[one.count][other.count]
    }
}
