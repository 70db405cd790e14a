import Events
import Outcomes

/// Compares two ledgers: first as multisets of (key, request), then the relative order of what both have.
struct EffectComparison {
    /// What differs, and where it stands in the ledgers.
    let found: [LocatedEffect]

    var differences: [Difference] { found.map(\.difference) }

    /// `mayMove` says of which effects it is likelier that they moved, when the order differs.
    init(control: [LedgerEntry], candidate: [LedgerEntry], mayMove: (LedgerEntry) -> Bool) {
        let (left, right) = (Self.places(control), Self.places(candidate))
        var found: [LocatedEffect] = []
        for path in Set(left.keys).union(right.keys).sorted() {
            let pairs = Self.pairs(left[path] ?? [], right[path] ?? []) { control[$0].request == candidate[$1].request }
            found += pairs.map { Self.content(path, $0, $1, control, candidate) }
        }
        self.found = found + EffectOrder(control: control, candidate: candidate, mayMove: mayMove).found
    }

    private static func places(_ ledger: [LedgerEntry]) -> [String: [Int]] {
        Dictionary(grouping: ledger.indices) { ledger[$0].key.path }
    }

    /// Equal requests pair up first and are left out; of the rest, pairs are changes and the surplus is missing or extra.
    private static func pairs(_ control: [Int], _ candidate: [Int], _ isSame: (Int, Int) -> Bool) -> [(Int?, Int?)] {
        var (left, right): ([Int], [Int]) = ([], candidate)
        for place in control {
            if let index = right.firstIndex(where: { isSame(place, $0) }) { right.remove(at: index) } else { left.append(place) }
        }
        return (0..<max(left.count, right.count)).map { ($0 < left.count ? left[$0] : nil, $0 < right.count ? right[$0] : nil) }
    }

    private static func content(
        _ path: String, _ left: Int?, _ right: Int?, _ control: [LedgerEntry], _ candidate: [LedgerEntry]
    ) -> LocatedEffect {
        let kind: Difference.Kind = left == nil ? .extra : right == nil ? .missing : .changed
        let difference = Difference(
            layer: .effects, kind: kind, path: path, control: left.map { control[$0].request },
            candidate: right.map { candidate[$0].request })
        return LocatedEffect(difference: difference, control: left, candidate: right)
    }
}

/// Finds the fewest effects whose move explains the other order of what both ledgers have.
private struct EffectOrder {
    /// An effect that both have: its key, and for a key that was performed more than once the how-manieth it is.
    private struct Counterparts: Hashable {
        let path: String
        let occurrence: Int
    }

    private(set) var found: [LocatedEffect] = []

    init(control: [LedgerEntry], candidate: [LedgerEntry], mayMove: (LedgerEntry) -> Bool) {
        let (left, right) = (Self.occurrences(control), Self.occurrences(candidate))
        let both = Set(left).intersection(right)
        let before = left.indices.filter { both.contains(left[$0]) }
        let after = right.indices.filter { both.contains(right[$0]) }
        guard before.map({ left[$0] }) != after.map({ right[$0] }) else { return }
        let place = Dictionary(after.enumerated().map { (right[$1], $0) }, uniquingKeysWith: { first, _ in first })
        let items = before.map { (place: place[left[$0]] ?? 0, mayMove: mayMove(control[$0])) }
        let kept = Self.keep(items)
        for (index, item) in items.enumerated() where !kept.contains(index) {
            let difference = Difference(
                layer: .effects, kind: .order, path: left[before[index]].path,
                control: index == 0 ? nil : .string(left[before[index - 1]].path),
                candidate: item.place == 0 ? nil : .string(right[after[item.place - 1]].path))
            found.append(LocatedEffect(difference: difference, control: before[index], candidate: after[item.place]))
        }
    }

    private static func occurrences(_ ledger: [LedgerEntry]) -> [Counterparts] {
        var seen: [String: Int] = [:]
        return ledger.map { entry in
            seen[entry.key.path, default: 0] += 1
            return Counterparts(path: entry.key.path, occurrence: seen[entry.key.path] ?? 1)
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
