import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How far the wall clock of a place is from UTC, as the system's time zone files say.
struct TimeZoneRules: Hashable, Sendable {
    /// A stretch of time in which the wall clock goes evenly.
    struct Period {
        let offset: Int64
        let end: Int64
    }

    /// The seconds at which the offset changes, and the offset from then on.
    private let changes: [Int64]
    private let offsets: [Int64]
    private let first: Int64
    /// What comes after the last change.
    private let rule: TimeZoneRule?

    static let utc = TimeZoneRules(changes: [], offsets: [], first: 0, rule: nil)
    private static let known = Mutex<[String: TimeZoneRules]>([:])
    private static let folder = "/usr/share/zoneinfo/"

    private init(changes: [Int64], offsets: [Int64], first: Int64, rule: TimeZoneRule?) {
        (self.changes, self.offsets, self.first, self.rule) = (changes, offsets, first, rule)
    }

    /// The rules of a zone like `Europe/Berlin`. Throws ``ScheduleError`` when the system does not know it.
    static func named(_ name: String) throws -> TimeZoneRules {
        if name == "UTC" { return utc }
        if let rules = known.withLock({ $0[name] }) { return rules }
        let isName = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_+-/".contains($0)) } && !name.hasPrefix("/")
        guard isName, let bytes = read(folder + name), let rules = TimeZoneRules(file: bytes) else {
            throw ScheduleError(
                "time zone \(name): expected a zone of \(folder), found none; check its spelling, or install the system's tzdata")
        }
        known.withLock { $0[name] = rules }
        return rules
    }

    private static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&part, 1, part.count, file)
            if count == 0 { return bytes }
            bytes += part[..<count]
        }
    }

    /// Reads the form of RFC 8536: a first part with short numbers, a second one with long ones, and a rule for what comes after.
    init?(file: [UInt8]) {
        var reader = ZoneReader(bytes: file)
        guard let short = reader.header(), short.version >= 2 else { return nil }
        reader.skip(short.size(numberSize: 4))
        guard let counts = reader.header() else { return nil }
        let times = (0..<counts.changes).map { _ in reader.number(8) }
        let kinds = (0..<counts.changes).map { _ in Int(reader.number(1)) }
        let types = (0..<counts.types).map { _ in
            let offset = reader.number(4)
            reader.skip(2)
            return offset
        }
        reader.skip(counts.names + counts.leaps * 12 + counts.standards + counts.universals)
        guard !reader.isOver, let start = types.first, kinds.allSatisfy({ $0 < types.count }) else { return nil }
        let footer = String(decoding: file[reader.position...].drop { $0 == 10 }.prefix { $0 != 10 }, as: UTF8.self)
        self.init(changes: times, offsets: kinds.map { types[$0] }, first: start, rule: TimeZoneRule(footer))
    }

    /// The period that a second of UTC belongs to.
    func period(at second: Int64) -> Period {
        let index = changes.partitioned { $0 > second }
        if index == changes.count, let rule { return rule.period(at: second) }
        return Period(offset: index == 0 ? first : offsets[index - 1], end: index == changes.count ? .max : changes[index])
    }
}

extension [Int64] {
    /// The first index of what belongs to the second half of an ordered list.
    fileprivate func partitioned(_ isSecond: (Int64) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isSecond(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// The numbers of a time zone file.
private struct ZoneReader {
    struct Counts {
        let version: Int
        let universals, standards, leaps, changes, types, names: Int

        func size(numberSize: Int) -> Int {
            changes * (numberSize + 1) + types * 6 + names + leaps * (numberSize + 4) + standards + universals
        }
    }

    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isOver: Bool { position > bytes.count }

    mutating func skip(_ count: Int) { position += count }

    /// A signed number, most significant byte first; 0 beyond the end.
    mutating func number(_ size: Int) -> Int64 {
        defer { position += size }
        guard position + size <= bytes.count else { return 0 }
        let value = bytes[position..<position + size].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return size == 4 ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
    }

    mutating func header() -> Counts? {
        guard position + 44 <= bytes.count, bytes[position..<position + 4].elementsEqual("TZif".utf8) else { return nil }
        let version = Int(bytes[position + 4]) - 48
        position += 20
        let counts = (0..<6).map { _ in Int(number(4)) }
        return Counts(
            version: version, universals: counts[0], standards: counts[1], leaps: counts[2], changes: counts[3], types: counts[4],
            names: counts[5])
    }
}
