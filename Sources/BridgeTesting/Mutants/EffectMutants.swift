import Events
import HybridRouter
package import Outcomes

extension Mutant {
    /// Bugs of the calls that durable steps make, one of each kind for every operation of a step in `ledger`. The parties hear nothing of
    /// it: what they answer, and what follows, stays as it was, so that only a comparison of calls can see them.
    package static func effects(of ledger: [LedgerEntry]) -> [Mutant] {
        var first: [String: LedgerEntry] = [:]
        for entry in ledger where entry.owner == .durable {
            let place = "\(entry.key.step)/\(entry.key.operation)"
            if first[place] == nil { first[place] = entry }
        }
        return first.sorted { $0.key < $1.key }.flatMap { effects(like: $0.value) }
    }

    private static func effects(like entry: LedgerEntry) -> [Mutant] {
        let (step, operation) = (entry.key.step, entry.key.operation)
        var mutants = [
            bending(25, step, "\(operation) is defined and never called", entry) { _ in [] },
            bending(8, step, "\(operation) is called twice", entry) { entry in
                var again = entry
                again.key.ordinal += 1000
                return [entry, again]
            },
        ]
        if let member = entry.request.object?.keys.sorted().first {
            mutants.append(
                bending(nil, step, "\(operation) is called with another \(member)", entry) { entry in
                    var request = entry.request.object ?? [:]
                    request[member] = request[member]?.other
                    var changed = entry
                    changed.request = .object(request)
                    return [changed]
                })
        }
        return mutants
    }

    private static func bending(
        _ number: Int?, _ step: StepNumber, _ story: String, _ like: LedgerEntry,
        _ bend: @escaping @Sendable (LedgerEntry) -> [LedgerEntry]
    ) -> Mutant {
        let operation = like.key.operation
        return Mutant(
            number, .durable, step, story,
            ports: PortWrapper(handoffs: {
                BentLedger(base: $0) { entry in
                    let isMeant = entry.owner == .durable && entry.key.step == step && entry.key.operation == operation
                    return isMeant ? bend(entry) : [entry]
                }
            }))
    }
}

extension JSONValue {
    /// Another value of the same kind.
    fileprivate var other: JSONValue {
        switch self {
        case .string(let text): .string(text + "x")
        case .bool(let bool): .bool(!bool)
        case .integer(let integer): .integer(integer == .max ? 0 : integer + 1)
        case .array(let values): .array(values + [.null])
        default: .string("x")
        }
    }
}

/// Writes something else into the ledger than what was performed.
private struct BentLedger: ForwardingHandoffStore {
    let base: any HandoffStore
    let bend: @Sendable (LedgerEntry) -> [LedgerEntry]

    func keep(_ effects: [LedgerEntry]) async throws { try await base.keep(effects.flatMap(bend)) }

    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        var transaction = transaction
        transaction.effects = transaction.effects.flatMap(bend)
        return try await base.commit(transaction)
    }
}
