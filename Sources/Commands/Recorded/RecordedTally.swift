import Events
import ShadowComparator

/// What a comparison of two recordings comes to, of all their entities or of some.
struct RecordedTally: Sendable {
    /// Lines of one kind on either side, and the first of them.
    struct Lines: Codable, Hashable, Sendable {
        private(set) var control = 0
        private(set) var candidate = 0
        private(set) var examples: [String] = []

        /// So many are named.
        private static let most = 20

        var all: Int { control + candidate }

        mutating func add(isControl: Bool, _ example: @autoclosure () -> String) {
            if isControl { control += 1 } else { candidate += 1 }
            if examples.count < Self.most { examples.append(example()) }
        }

        mutating func merge(_ later: Lines) {
            control += later.control
            candidate += later.candidate
            examples += later.examples.prefix(Self.most - examples.count)
        }

        /// The examples are called `name`.
        func json(_ name: String) -> JSONValue {
            [
                "control": .integer(control), "candidate": .integer(candidate), name: .array(examples.map { .string($0) }),
            ]
        }
    }

    /// Of the entities of which something can be said. One that is in one recording alone is a mismatch at `entity`.
    var summary: ComparisonSummary
    /// Entities that are in one recording alone, by the recording that has them.
    var unpaired = Lines()
    /// Lines that say nothing of an entity, one sentence each. What the other recording has of the same entity is not compared.
    var unreadable = Lines()

    init(_ comparator: Comparator) { summary = ComparisonSummary(comparator: comparator) }

    /// Adds what was found of entities that come after these.
    mutating func merge(_ later: RecordedTally) {
        summary.merge(later.summary)
        unpaired.merge(later.unpaired)
        unreadable.merge(later.unreadable)
    }
}
