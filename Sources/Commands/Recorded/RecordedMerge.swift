import Events
import ShadowComparator

/// Goes through a part of two recordings once, in order of entities, and compares what belongs together.
struct RecordedMerge {
    private let part: RecordedPart
    private let control: SortedLines
    private let candidate: SortedLines
    private var lines: LineComparator
    private var tally: RecordedTally
    /// Entities that are the same, and not yet in the summary.
    private var matched = 0

    init(_ part: RecordedPart, _ control: RecordingFile, _ candidate: RecordingFile, _ comparator: Comparator) {
        self.part = part
        self.control = SortedLines(control, part.control, part)
        self.candidate = SortedLines(candidate, part.candidate, part)
        lines = LineComparator(comparator)
        tally = RecordedTally(comparator)
    }

    /// Compares the whole part. Throws a sentence when the lines are not in order.
    mutating func run() throws -> RecordedTally {
        try advanceControl()
        try advanceCandidate()
        while control.current != nil || candidate.current != nil { try compareNext() }
        tally.summary.add(matched: matched)
        return tally
    }

    private mutating func compareNext() throws {
        switch Self.order(control.current?.entity, candidate.current?.entity) {
        case .same:
            comparePair()
            try advanceControl()
            try advanceCandidate()
        case .control:
            compare(control.current, isControl: true)
            try advanceControl()
        case .candidate:
            compare(candidate.current, isControl: false)
            try advanceCandidate()
        }
    }

    /// Which recording has the smaller entity.
    private enum Order { case control, candidate, same }

    private static func order(_ control: [UInt8]?, _ candidate: [UInt8]?) -> Order {
        guard let control else { return .candidate }
        guard let candidate else { return .control }
        if control == candidate { return .same }
        return control.lexicographicallyPrecedes(candidate) ? .control : .candidate
    }

    private mutating func comparePair() {
        guard let left = control.current, let right = candidate.current, let before = left.bytes, let after = right.bytes else { return }
        switch lines.compare(control: before, candidate: after) {
        case .matched: matched += 1
        case .compared(let comparison): tally.summary.add(comparison)
        case .unreadable(let problem, let other):
            if let problem { unreadable(left, problem.description, isControl: true) }
            if let other { unreadable(right, other.description, isControl: false) }
        }
    }

    private mutating func compare(_ line: RecordedLine?, isControl: Bool) {
        guard let line, let bytes = line.bytes else { return }
        switch lines.compare(bytes, isControl: isControl) {
        case .matched: matched += 1
        case .compared(let comparison):
            tally.summary.add(comparison)
            tally.unpaired.add(isControl: isControl, comparison.entity.rawValue)
        case .unreadable(let problem, let other):
            unreadable(line, (problem ?? other)?.description ?? "", isControl: isControl)
        }
    }

    private mutating func unreadable(_ line: RecordedLine, _ problem: String, isControl: Bool) {
        let path = (isControl ? control : candidate).path
        tally.unreadable.add(isControl: isControl, "\(path), byte \(line.offset)\(line.named): \(problem)")
    }

    private mutating func advanceControl() throws {
        while let (line, problem) = try control.advance() { unreadable(line, problem, isControl: true) }
    }

    private mutating func advanceCandidate() throws {
        while let (line, problem) = try candidate.advance() { unreadable(line, problem, isControl: false) }
    }
}

/// The lines of one recording, whose entities have to come in order of the bytes of their ids.
private final class SortedLines {
    let path: String
    /// The line that was reached; nil before the first and after the last.
    private(set) var current: RecordedLine?
    private let lines: RecordedLines
    private let part: RecordedPart
    private var last: [UInt8]?

    init(_ file: RecordingFile, _ range: Range<Int>, _ part: RecordedPart) {
        path = file.path
        lines = RecordedLines(file, range)
        self.part = part
    }

    /// Goes to the next line. Returns a line that no entity can be compared by, and what is wrong with it; nil when ``current`` is the next.
    func advance() throws -> (RecordedLine, String)? {
        current = nil
        guard let line = try lines.next() else { return nil }
        guard line.bytes != nil else {
            return (line, "expected a line of at most \(ByteLines.limit) bytes, found one of \(line.length)")
        }
        guard let entity = line.entity else { return (line, "expected a JSON object with \"entity\", found none") }
        if last == entity { return (line, "expected one line of it, found another; the first one counts") }
        try requireOrder(entity, line)
        (last, current) = (entity, line)
        return nil
    }

    private func requireOrder(_ entity: [UInt8], _ line: RecordedLine) throws {
        let isBehind = (last ?? part.lower).map { $0.lexicographicallyPrecedes(entity) || last == nil && $0 == entity } ?? true
        let isBefore = part.upper.map { entity.lexicographicallyPrecedes($0) } ?? true
        guard !isBehind || !isBefore else { return }
        throw CommandFailure(
            .usage,
            "\(path), byte \(line.offset)\(line.named): expected lines in order of the bytes of their ids, found another order; sort the file, see 'LC_ALL=C sort'"
        )
    }
}

extension RecordedLine {
    /// `, R-1`, as far as its entity is known.
    fileprivate var named: String { entity.map { ", \(String(decoding: $0, as: UTF8.self))" } ?? "" }
}
