import ShadowComparator

/// The same entities of two recordings: where their lines stand in either.
struct RecordedPart: Sendable {
    /// In bytes, where lines begin and end.
    let control: Range<Int>
    let candidate: Range<Int>
    /// Ids of the part are not smaller than this, and smaller than ``upper``; nil for no bound.
    let lower: [UInt8]?
    let upper: [UInt8]?
}

/// How far two recordings are compared: up to the next line of either.
struct RecordedPosition: Codable, Hashable, Sendable {
    var control = 0
    var candidate = 0
    /// The id at which the next part begins; nil at the start.
    var lower: [UInt8]?

    init() {}

    /// The end of a part.
    init(after part: RecordedPart) { (control, candidate, lower) = (part.control.upperBound, part.candidate.upperBound, part.upper) }
}

/// Cuts two recordings into parts of the same entities, from the first to the last, which can be compared at the same time. Only a few
/// lines are read for it.
struct RecordedParts {
    private let control: RecordingFile
    private let candidate: RecordingFile
    /// How many bytes of the larger recording a part has, about.
    private let bytes: Int
    private var position: RecordedPosition
    private var isAtEnd = false

    /// What is read at once when one line is looked for.
    private static let probe = 1 << 13
    /// What is read through rather than halved.
    private static let few = 1 << 15

    init(_ control: RecordingFile, _ candidate: RecordingFile, bytes: Int, from position: RecordedPosition) {
        (self.control, self.candidate, self.bytes, self.position) = (control, candidate, bytes, position)
    }

    /// The next part; nil when both are at their end.
    mutating func next() throws -> RecordedPart? {
        guard !isAtEnd else { return nil }
        let isByControl = control.size >= candidate.size
        let large = isByControl ? control : candidate
        let end = try Self.cut(large, after: (isByControl ? position.control : position.candidate) + bytes)
        isAtEnd = end == nil
        let part = try end.map { try self.part(until: $0.offset, $0.entity, isByControl) } ?? rest
        position = RecordedPosition(after: part)
        return part
    }

    private var rest: RecordedPart {
        RecordedPart(
            control: position.control..<max(position.control, control.size),
            candidate: position.candidate..<max(position.candidate, candidate.size), lower: position.lower, upper: nil)
    }

    private func part(until offset: Int, _ entity: [UInt8], _ isByControl: Bool) throws -> RecordedPart {
        let (small, start) = isByControl ? (candidate, position.candidate) : (control, position.control)
        let other = try Self.first(entity, in: small, from: start)
        return RecordedPart(
            control: position.control..<max(position.control, isByControl ? offset : other),
            candidate: position.candidate..<max(position.candidate, isByControl ? other : offset), lower: position.lower, upper: entity)
    }

    /// The first line behind `offset` that begins another entity than the line before it; nil when there is none.
    private static func cut(_ file: RecordingFile, after offset: Int) throws -> (offset: Int, entity: [UInt8])? {
        guard offset < file.size else { return nil }
        let lines = RecordedLines(file, offset..<file.size, piece: probe)
        try lines.skipRestOfLine()
        var last: [UInt8]?
        while let line = try lines.next() {
            guard let entity = line.entity else { continue }
            if let last, last != entity { return (line.offset, entity) }
            last = entity
        }
        return nil
    }

    /// Where the first line stands whose entity is `entity` or comes after it; the end when there is none.
    private static func first(_ entity: [UInt8], in file: RecordingFile, from start: Int) throws -> Int {
        var (low, high, found) = (start, file.size, file.size)
        while high - low > few {
            let middle = low + (high - low) / 2
            let lines = RecordedLines(file, middle..<file.size, piece: probe)
            try lines.skipRestOfLine()
            guard let line = try named(lines, before: high) else {
                high = middle + 1
                continue
            }
            if line.entity.lexicographicallyPrecedes(entity) { low = line.offset } else { (high, found) = (middle + 1, line.offset) }
        }
        let lines = RecordedLines(file, low..<file.size, piece: probe)
        while let line = try named(lines, before: high) {
            if !line.entity.lexicographicallyPrecedes(entity) { return line.offset }
        }
        return found
    }

    /// The next line that names its entity and begins before `end`.
    private static func named(_ lines: RecordedLines, before end: Int) throws -> (offset: Int, entity: [UInt8])? {
        while let line = try lines.next(), line.offset < end { if let entity = line.entity { return (line.offset, entity) } }
        return nil
    }
}
