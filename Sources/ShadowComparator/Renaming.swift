import Events
import Outcomes

/// Ids that parties generate, told apart from what they mean: the candidate's are read as the control's where both were the reply to
/// the same effect.
///
/// Only members of replies whose names end in `id` are ids, and only pairs that are one to one in both directions: a word such as a
/// status is never renamed.
private struct Renaming {
    private(set) var names: [String: String] = [:]

    init(from candidate: [LedgerEntry], to control: [LedgerEntry]) {
        let replies = Dictionary(control.map { ($0.key.path, $0.reply) }, uniquingKeysWith: { first, _ in first })
        var back: [String: String] = [:]
        var ambiguous: Set<String> = []
        for entry in candidate {
            for (name, value) in entry.reply.object ?? [:] where name.lowercased().hasSuffix("id") {
                guard let mine = value.string, let other = replies[entry.key.path]?[name]?.string else { continue }
                if names[mine] ?? other != other || back[other] ?? mine != mine { ambiguous.insert(mine) }
                (names[mine], back[other]) = (other, mine)
            }
        }
        names = names.filter { $0.key != $0.value && !ambiguous.contains($0.key) }
        // What the control calls so, the candidate must not mean by accident: it is somebody else's.
        for other in names.values where names[other] == nil { names[other] = "\(other) of another" }
    }

    func apply(to value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): .string(names[text] ?? text)
        case .array(let elements): .array(elements.map(apply))
        case .object(let members): .object(members.mapValues(apply))
        default: value
        }
    }
}

extension Observation {
    /// The observation with the ids that parties generated for it read as those of `control`.
    func renamed(like control: Observation) -> Observation {
        let renaming = Renaming(from: ledger, to: control.ledger)
        guard !renaming.names.isEmpty else { return self }
        var observation = self
        observation.outcome.facts = outcome.facts.mapValues(renaming.apply)
        for index in ledger.indices { observation.ledger[index].request = renaming.apply(to: ledger[index].request) }
        return observation
    }
}
