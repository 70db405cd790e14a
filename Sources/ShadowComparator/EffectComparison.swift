import Events
import Outcomes

/// Compares two ledgers: first as multisets of (key, request), then the relative order of what both have.
struct EffectComparison {
    let differences: [Difference]

    /// `mayMove` says of which effects it is likelier that they moved, when the order differs.
    init(control: [LedgerEntry], candidate: [LedgerEntry], mayMove: (LedgerEntry) -> Bool) {
        let (left, right) = (Self.steps(control), Self.steps(candidate))
        var found: [Difference] = []
        for path in Set(left.keys).union(right.keys).sorted() {
            found += Self.content(path, left[path] ?? [], right[path] ?? [])
        }
        differences = found + EffectOrder(control: control, candidate: candidate, mayMove: mayMove).differences
    }

    private static func steps(_ ledger: [LedgerEntry]) -> [String: [JSONValue]] {
        Dictionary(grouping: ledger, by: \.key.path).mapValues { $0.map(\.request) }
    }

    /// Equal requests pair up first; of the rest, pairs are changes and the surplus is missing or extra.
    private static func content(_ path: String, _ control: [JSONValue], _ candidate: [JSONValue]) -> [Difference] {
        var (left, right): ([JSONValue], [JSONValue]) = ([], candidate)
        for request in control {
            if let index = right.firstIndex(of: request) { right.remove(at: index) } else { left.append(request) }
        }
        return (0..<max(left.count, right.count)).map { index in
            let before = index < left.count ? left[index] : nil
            let after = index < right.count ? right[index] : nil
            let kind: Difference.Kind = before == nil ? .extra : after == nil ? .missing : .changed
            return Difference(layer: .effects, kind: kind, path: path, control: before, candidate: after)
        }
    }
}

/// Finds the fewest effects whose move explains the other order of what both ledgers have.
private struct EffectOrder {
    /// An effect that both have: its key, and for a key that was performed more than once the how-manieth it is.
    private struct Counterparts: Hashable {
        let path: String
        let occurrence: Int
    }

    private(set) var differences: [Difference] = []

    init(control: [LedgerEntry], candidate: [LedgerEntry], mayMove: (LedgerEntry) -> Bool) {
        let (left, right) = (Self.occurrences(control), Self.occurrences(candidate))
        let both = Set(left.map(\.0)).intersection(right.map(\.0))
        let before = left.filter { both.contains($0.0) }
        let after = right.filter { both.contains($0.0) }.map(\.0)
        guard before.map(\.0) != after else { return }
        let place = Dictionary(after.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let items = before.map { (place: place[$0.0] ?? 0, mayMove: mayMove($0.1)) }
        let kept = Self.keep(items)
        for (index, item) in items.enumerated() where !kept.contains(index) {
            differences.append(
                Difference(
                    layer: .effects, kind: .order, path: before[index].0.path,
                    control: index == 0 ? nil : .string(before[index - 1].0.path),
                    candidate: item.place == 0 ? nil : .string(after[item.place - 1].path)))
        }
    }

    private static func occurrences(_ ledger: [LedgerEntry]) -> [(Counterparts, LedgerEntry)] {
        var seen: [String: Int] = [:]
        return ledger.map { entry in
            seen[entry.key.path, default: 0] += 1
            return (Counterparts(path: entry.key.path, occurrence: seen[entry.key.path] ?? 1), entry)
        }
    }

    /// The indices that stay: the longest ascending run of those that no announcement is about, then every other one that fits into
    /// it, so that an effect that is changed on purpose never puts the blame for its move on another.
    private static func keep(_ items: [(place: Int, mayMove: Bool)]) -> Set<Int> {
        let others = items.indices.filter { !items[$0].mayMove }
        var kept = Set(longestAscending(others.map { items[$0].place }).map { others[$0] })
        for index in items.indices where items[index].mayMove {
            let fits = kept.allSatisfy { ($0 < index) == (items[$0].place < items[index].place) }
            if fits { kept.insert(index) }
        }
        return kept
    }

    /// The indices of a longest ascending subsequence of distinct numbers.
    private static func longestAscending(_ values: [Int]) -> [Int] {
        var tails: [Int] = []
        var previous = [Int?](repeating: nil, count: values.count)
        for (index, value) in values.enumerated() {
            let length = tails.firstIndex { values[$0] >= value } ?? tails.count
            previous[index] = length > 0 ? tails[length - 1] : nil
            if length == tails.count { tails.append(index) } else { tails[length] = index }
        }
        var chain: [Int] = []
        var next = tails.last
        while let index = next {
            chain.append(index)
            next = previous[index]
        }
        return chain
    }
}

extension EffectKey {
    /// The key without the entity: `step/operation/ordinal`.
    package var path: String { "\(step)/\(operation)/\(ordinal)" }
}
