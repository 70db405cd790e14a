import Events
import Outcomes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a comparison of two lines comes to.
package enum LineComparison: Sendable {
    /// Both paths are the same, and durable has completed no step: there is nothing to count but the entity.
    case matched
    /// Everything else.
    case compared(Comparison)
    /// At least one line cannot be read.
    case unreadable(control: RecordingLineError?, candidate: RecordingLineError?)
}

/// Compares lines of two recordings, and gives what the comparator gives for the observations that they hold.
///
/// What is the same byte for byte in both lines is not decoded, unless a condition of an announcement asks for it. That is sound because
/// what was left out can neither differ nor explain a difference; where that is not certain (other ids in replies, another order of
/// effects, what differs in one of several visits, escapes, white space) both lines are decoded whole.
package struct LineComparator {
    private let comparator: Comparator
    private let asked: AskedOfControl
    private var control = LineScan()
    private var candidate = LineScan()

    /// Compares as `comparator` does.
    package init(_ comparator: Comparator) {
        self.comparator = comparator
        asked = AskedOfControl(comparator)
    }

    /// Compares two lines, without line breaks, of one entity. The bytes are not kept.
    package mutating func compare(control left: UnsafeRawBufferPointer, candidate right: UnsafeRawBufferPointer) -> LineComparison {
        guard !comparator.isStrict, control.scan(left) else { return decoded(left, right) }
        // An observation does not differ from itself, and without visits nothing is owed.
        if control.visits.isEmpty, left.isSame(as: right) { return .matched }
        guard candidate.scan(right) else { return decoded(left, right) }
        var reduction = LineReduction(left, right, asked)
        guard reduction.reduce(control, candidate) else { return decoded(left, right) }
        guard reduction.differs || !candidate.visits.isEmpty else { return .matched }
        guard let (before, after) = try? reduction.observations(control, candidate) else { return decoded(left, right) }
        return .compared(comparator.compare(control: before, candidate: after))
    }

    /// Compares what a path that is alone knows of an entity.
    package func compare(_ line: UnsafeRawBufferPointer, isControl: Bool) -> LineComparison {
        do {
            let observation = try Observation(recordingLine: Array(line), path: "")
            let (control, candidate) = isControl ? (observation, nil) : (nil, observation)
            return .compared(comparator.compare(observation.entity, control: control, candidate: candidate))
        } catch {
            return isControl ? .unreadable(control: error, candidate: nil) : .unreadable(control: nil, candidate: error)
        }
    }

    private func decoded(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> LineComparison {
        let before = Result { () throws(RecordingLineError) in try Observation(recordingLine: Array(left), path: "legacy") }
        let after = Result { () throws(RecordingLineError) in try Observation(recordingLine: Array(right), path: "hybrid") }
        switch (before, after) {
        case (.success(let before), .success(let after)): return .compared(comparator.compare(control: before, candidate: after))
        case (.failure(let problem), .success): return .unreadable(control: problem, candidate: nil)
        case (.success, .failure(let problem)): return .unreadable(control: nil, candidate: problem)
        case (.failure(let problem), .failure(let other)): return .unreadable(control: problem, candidate: other)
        }
    }
}

/// What conditions and rules ask of the control, beside what differs.
struct AskedOfControl {
    private let facts: [[UInt8]]
    private let operations: [[UInt8]]
    let asksForUnhandled: Bool

    init(_ comparator: Comparator) {
        let paths = Set(comparator.announcements.flatMap(\.conditions).map(\.path))
        facts = paths.map { Array($0.utf8) }
        operations = Set(paths.compactMap { path in path.contains("/") ? path.prefix { $0 != "/" } : nil }).map { Array($0.utf8) }
        asksForUnhandled = comparator.rules.contains(where: \.scope.isParting)
    }

    func hasFact(_ name: UnsafeRawBufferPointer) -> Bool { facts.contains { name.isSame(as: $0) } }
    func hasOperation(_ name: UnsafeRawBufferPointer) -> Bool { operations.contains { name.isSame(as: $0) } }
}

extension UnsafeRawBufferPointer {
    /// The bytes of a range, which has to be within.
    @inline(__always)
    subscript(part range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self[range]) }

    @inline(__always)
    func isSame(as other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        guard let base = baseAddress, let other = other.baseAddress else { return true }
        return memcmp(base, other, count) == 0
    }

    func isSame(as other: [UInt8]) -> Bool { other.withUnsafeBytes { isSame(as: $0) } }

    /// True when these bytes come before `other`'s.
    package func precedes(_ other: UnsafeRawBufferPointer) -> Bool {
        guard let base = baseAddress, let start = other.baseAddress else { return count < other.count }
        let order = memcmp(base, start, Swift.min(count, other.count))
        return order == 0 ? count < other.count : order < 0
    }
}
