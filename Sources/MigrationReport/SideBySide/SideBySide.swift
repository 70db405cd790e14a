public import Events
import Outcomes
public import ShadowComparator

/// What two paths did with one entity, moment by moment, the same beside the same.
///
/// Everything that either path did is in exactly one cell, and two paths the other way round are the same lines with their cells the
/// other way round.
public struct SideBySide: Codable, Hashable, Sendable {
    /// What is said of an effect that differs.
    public enum Mark: String, Codable, Hashable, Sendable, CaseIterable {
        /// It is the first that differs: of those that nothing explains, or of all when everything is explained.
        case first
        /// Nothing explains it.
        case unexplained
        /// It is announced, intended or ignored.
        case explained
    }

    /// What one path did.
    public struct Cell: Codable, Hashable, Sendable {
        /// What happened.
        public var event: PlayedPath.Event
        /// Its mark when it is an effect that differs.
        public var mark: Mark?
    }

    /// What happened at one moment on both paths. Two different things may stand on one line; neither has to do with the other.
    public struct Line: Codable, Hashable, Sendable {
        /// When.
        public var at: Timestamp
        /// What the control did; nil for nothing.
        public var control: Cell?
        /// What the candidate did; nil for nothing.
        public var candidate: Cell?

        /// True when both did the same, and nothing about it differs.
        public var isSame: Bool {
            guard let control, let candidate, control.mark == nil, candidate.mark == nil else { return false }
            return (control.event.what, control.event.detail) == (candidate.event.what, candidate.event.detail)
        }
    }

    /// What happened, in order of time.
    public private(set) var lines: [Line]
    /// The first effect that differs; nil when none does that one of the paths has performed.
    public private(set) var first: Difference?

    /// Two paths and the effects in which they differ.
    public init(control: PlayedPath, candidate: PlayedPath, differing: [LocatedEffect]) {
        let moments = Set(control.events.map(\.at)).union(candidate.events.map(\.at)).sorted()
        let (left, right) = (Self.byMoment(control), Self.byMoment(candidate))
        lines = moments.flatMap { moment in
            Self.align(left[moment] ?? [], right[moment] ?? []).map {
                Line(at: moment, control: $0.map(Self.cell), candidate: $1.map(Self.cell))
            }
        }
        mark(differing)
    }

    private static func byMoment(_ path: PlayedPath) -> [Timestamp: [PlayedPath.Event]] { Dictionary(grouping: path.events, by: \.at) }

    private static func cell(_ event: PlayedPath.Event) -> Cell { Cell(event: event) }

    // MARK: What stands beside what

    /// What both did stands on one line; what stands between is paired in order.
    private static func align(_ left: [PlayedPath.Event], _ right: [PlayedPath.Event]) -> [(PlayedPath.Event?, PlayedPath.Event?)] {
        var pairs: [(PlayedPath.Event?, PlayedPath.Event?)] = []
        var (left, right) = (left[...], right[...])
        for both in CommonOrder(left.map(\.counterpart), right.map(\.counterpart)).longest {
            pairs += paired(left.take(before: both), right.take(before: both))
            pairs.append((left.popFirst(), right.popFirst()))
        }
        return pairs + paired(left, right)
    }

    private static func paired(
        _ left: ArraySlice<PlayedPath.Event>, _ right: ArraySlice<PlayedPath.Event>
    ) -> [(PlayedPath.Event?, PlayedPath.Event?)] {
        let (left, right) = (Array(left), Array(right))
        return (0..<max(left.count, right.count)).map { ($0 < left.count ? left[$0] : nil, $0 < right.count ? right[$0] : nil) }
    }

    // MARK: Marks

    private mutating func mark(_ differing: [LocatedEffect]) {
        for effect in differing { set(effect.difference.expected ? .explained : .unexplained, on: effect) }
        let counting = differing.filter { !$0.difference.expected }
        let first = (counting.isEmpty ? differing : counting).min { place(of: $0) < place(of: $1) }
        guard let first else { return }
        self.first = first.difference
        set(.first, on: first)
    }

    /// An effect without an explanation stays so, whatever else is said of it.
    private mutating func set(_ mark: Mark, on effect: LocatedEffect) {
        for index in lines.indices {
            if let place = effect.control, lines[index].control?.event.effect == place { lines[index].control?.add(mark) }
            if let place = effect.candidate, lines[index].candidate?.event.effect == place { lines[index].candidate?.add(mark) }
        }
    }

    /// The first line on which either path performed it; of two on one line the path decides.
    private func place(of effect: LocatedEffect) -> (line: Int, path: String) {
        let line = lines.firstIndex { line in
            (effect.control != nil && line.control?.event.effect == effect.control)
                || (effect.candidate != nil && line.candidate?.event.effect == effect.candidate)
        }
        return (line ?? lines.count, effect.difference.path)
    }
}

extension SideBySide.Cell {
    fileprivate mutating func add(_ new: SideBySide.Mark) {
        let order = SideBySide.Mark.allCases
        guard let old = mark, let known = order.firstIndex(of: old), let found = order.firstIndex(of: new), known <= found else {
            return mark = new
        }
    }
}

extension ArraySlice<PlayedPath.Event> {
    /// Takes what stands before the next event of that counterpart.
    fileprivate mutating func take(before counterpart: String) -> ArraySlice<PlayedPath.Event> {
        let end = firstIndex { $0.counterpart == counterpart } ?? endIndex
        defer { self = self[end...] }
        return self[..<end]
    }
}

/// What two lists have in common, in an order that both have.
struct CommonOrder {
    /// A longest list that is a part of both. Of several the alphabet chooses, so that it is the same for the lists the other way round.
    let longest: [String]

    init(_ left: [String], _ right: [String]) {
        // Equal ends need no search, and are all of most moments.
        let start = zip(left, right).prefix { $0 == $1 }.count
        var below = [[String]](repeating: [], count: right.count - start + 1)
        for key in left.dropFirst(start).reversed() {
            var row = [[String]](repeating: [], count: below.count)
            for column in (0..<(below.count - 1)).reversed() {
                row[column] = Self.better(below[column], row[column + 1])
                if right[start + column] == key { row[column] = Self.better(row[column], [key] + below[column + 1]) }
            }
            below = row
        }
        longest = left.prefix(start) + below[0]
    }

    private static func better(_ one: [String], _ other: [String]) -> [String] {
        if one.count != other.count { return one.count > other.count ? one : other }
        return other.lexicographicallyPrecedes(one) ? other : one
    }
}
