import Events
import HybridRouter
import Outcomes

/// A law that a run has broken, and what was expected and found.
struct Breach: Hashable, CustomStringConvertible {
    var law: String
    var entity: EntityID?
    var detail: String
    var description: String { "\(law) \(entity?.rawValue ?? "run"): \(detail)" }
}

extension Books {
    /// What these books break of the laws I1 to I7, beside the books of a run that nobody disturbed.
    func breaches(beside calm: Books) -> [Breach] {
        var breaches = runWide(calm)
        for (entity, expected) in calm.accounts.sorted(by: { $0.key < $1.key }) {
            guard let found = accounts[entity] else {
                breaches.append(Breach(law: "I1", entity: entity, detail: "expected its ownership row, found none"))
                continue
            }
            let broken =
                epochs(found) + events(found, expected) + steps(found, expected) + effects(entity, found) + outcome(found, expected)
            breaches += broken.map { Breach(law: $0, entity: entity, detail: $1) }
        }
        return breaches
    }

    private func runWide(_ calm: Books) -> [Breach] {
        var breaches = open.map { Breach(law: "I6", detail: $0) }
        if entities != calm.entities { breaches.append(Breach(law: "I1", detail: "expected \(calm.entities), found \(entities)")) }
        if deadLetters != calm.deadLetters {
            breaches.append(Breach(law: "I3", detail: "expected dead letters \(calm.deadLetters), found \(deadLetters)"))
        }
        let expected = Set(
            accounts.flatMap { entity, account in
                account.journal.filter { $0.move.newOwner == .durable }.map { "\(entity)/\($0.epoch)" }
            })
        for segment in expected.symmetricDifference(segments).sorted() {
            breaches.append(Breach(law: "I2", detail: "\(segment): expected one segment for each epoch that durable had"))
        }
        return breaches
    }

    /// I1 and I2: the epoch grows by one at every change of hands, and nobody writes under an earlier one.
    private func epochs(_ found: Account) -> [(String, String)] {
        var broken: [(String, String)] = []
        let changes = found.journal.filter { $0.move.newOwner != nil }.map(\.epoch)
        if changes != Array(2..<(found.ownership.epoch + 1)) {
            broken.append(("I1", "expected one change of hands for each epoch up to \(found.ownership.epoch), found \(changes)"))
        }
        for (earlier, later) in zip(found.journal, found.journal.dropFirst()) where later.epoch < earlier.epoch {
            broken.append(("I2", "expected nothing under epoch \(later.epoch) after epoch \(earlier.epoch), found \(later.what)"))
        }
        for entry in found.ledger where entry.epoch > found.ownership.epoch {
            broken.append(("I2", "expected \(entry.key) under an epoch up to \(found.ownership.epoch), found \(entry.epoch)"))
        }
        return broken
    }

    /// I3: what was accepted is there, and somebody has said what became of it.
    private func events(_ found: Account, _ expected: Account) -> [(String, String)] {
        var broken: [(String, String)] = []
        for row in found.rows where row.disposition == .pending || row.disposition == .signalled {
            broken.append(("I3", "expected \(row.event.id) to be settled, found it \(row.disposition)"))
        }
        for (id, disposition) in expected.settled.sorted(by: { $0.key < $1.key }) where found.settled[id] != disposition {
            broken.append(("I3", "expected \(id) to be \(disposition), found \(found.settled[id]?.rawValue ?? "no such row")"))
        }
        return broken
    }

    /// I4: every visit of a step once, as in the calm run, and each seen to be completed.
    private func steps(_ found: Account, _ expected: Account) -> [(String, String)] {
        var broken: [(String, String)] = []
        let seen = found.journal.compactMap { entry -> StepNumber? in
            if case .completed(let step, _, _) = entry.move { step } else { nil }
        }
        let (completions, wanted) = (found.ownership.completions, expected.ownership.completions)
        if completions != wanted || Dictionary(seen.map { ($0, 1) }, uniquingKeysWith: +) != wanted {
            broken.append(("I4", "expected completions \(wanted), found \(completions), in the journal \(seen)"))
        }
        return broken
    }

    /// I5: the outside has done each effect once, and the ledger says what it has done.
    private func effects(_ entity: EntityID, _ found: Account) -> [(String, String)] {
        let done = performed.filter { $0.key.entity == entity }
        let counts = Dictionary(done.map { ($0.key, 1) }, uniquingKeysWith: +)
        let twice = counts.filter { $0.value > 1 }.keys.sorted().map { ("I5", "expected \($0) once, found it \(counts[$0] ?? 0) times") }
        let differences = Set(done.map(\.said)).symmetricDifference(found.ledger.map(\.said)).sorted()
        return twice + differences.map { ("I5", "expected it in the ledger as it is outside, found \($0) in one of them") }
    }

    /// I7: as if nothing had happened.
    private func outcome(_ found: Account, _ expected: Account) -> [(String, String)] {
        var broken: [(String, String)] = []
        let (facts, wanted) = (found.outcome.allFacts, expected.outcome.allFacts)
        for path in Set(facts.keys).union(wanted.keys).sorted() where facts[path] != wanted[path] {
            let (want, have) = (wanted[path]?.canonicalText ?? "nothing", facts[path]?.canonicalText ?? "nothing")
            broken.append(("I7", "\(path): expected \(want), found \(have)"))
        }
        let (done, due) = (found.ledger.map { "\($0.owner) \($0.said)" }, expected.ledger.map { "\($0.owner) \($0.said)" })
        for line in Set(due).symmetricDifference(done).sorted() {
            broken.append(("I7", "the ledger: expected \(due.contains(line) ? "" : "not ")\(line)"))
        }
        return broken
    }
}

extension Account {
    /// What became of the events that came from outside.
    fileprivate var settled: [EventID: Disposition] {
        let outside = rows.filter { $0.event.source != .lockstep && $0.event.source != .timer }
        return Dictionary(outside.map { ($0.event.id, $0.disposition) }, uniquingKeysWith: { $1 })
    }
}

extension LedgerEntry {
    /// Key, request and reply: what both sides agree on, whoever asked and when.
    fileprivate var said: String { "\(key) \(request.canonicalText) \(reply.canonicalText)" }
}
