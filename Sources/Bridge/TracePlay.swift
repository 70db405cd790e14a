import Events
import HybridRouter

/// Where a run stands: the clock, and how far the lines have happened and were received.
struct TracePlay<Trace: RecordedTrace> {
    var now: Timestamp
    /// How many lines of the trace were received.
    private(set) var position = 0
    /// How many lines were received, with those that came up on the way.
    private(set) var played = 0
    private var trace: Trace
    private var received: TraceLine?
    private var early: TraceLine?
    private var more = TraceLineQueue()
    private var moreEarly = TraceLineQueue()

    init(_ trace: Trace, at now: Timestamp) throws {
        self.trace = trace
        self.now = now
        received = try self.trace.nextReceived()
        early = try self.trace.nextEarly()
    }

    /// The next moment at which a line happens or is received. A line with an implausible time is taken at once.
    var next: Timestamp? {
        let isMeant = received.map { ReceiptTime.isMeant($0, at: now) } ?? true
        return [isMeant ? received?.receivedAt : now, early?.happenedAt, more.next, moreEarly.next].compactMap { $0 }.min()
    }

    /// Adds a line that was not known before; one that is earlier than the clock happens at once.
    mutating func add(_ line: TraceLine) {
        more.insert(line, at: line.receivedAt)
        if line.isEarly { moreEarly.insert(line, at: line.happenedAt) }
    }

    /// Adds a line that is received at `moment`, whatever it says, and of which nothing has happened.
    mutating func add(_ line: TraceLine, at moment: Timestamp) { more.insert(line, at: moment) }

    /// The next line that has happened before its receipt.
    mutating func takeEarly() throws -> TraceLine? {
        if let line = early, line.happenedAt <= now {
            early = try trace.nextEarly()
            return line
        }
        return moreEarly.take(until: now)
    }

    /// Lines that are received now: all of them, or the first of many.
    mutating func takeReceived(atMost count: Int = 1024) throws -> [TraceLine] {
        var lines: [TraceLine] = []
        while lines.count < count, let line = received, line.receivedAt <= now || !ReceiptTime.isMeant(line, at: now) {
            lines.append(line)
            try step()
        }
        while let line = more.take(until: now) { lines.append(line) }
        played += lines.count
        return lines
    }

    /// Passes over the next line, which an earlier process has received, and returns it.
    mutating func skip() throws -> TraceLine? {
        defer { played = position }
        guard let line = received else { return nil }
        try step()
        return line
    }

    private mutating func step() throws {
        position += 1
        received = try trace.nextReceived()
    }
}

/// The times of receipt that a run takes for plausible.
enum ReceiptTime {
    /// From 2000 to the end of 2099: the zero times of Go, .NET and Unix are before it.
    static let range = Timestamp(milliseconds: 946_684_800_000)..<Timestamp(milliseconds: 4_102_444_800_000)
    /// The longest gap between the clock and the next line. A line of 2099 among those of today would let everything that waits expire.
    static let longestGap = Duration.days(3653)

    /// False when `line` cannot have been received when it says, for a run whose clock is at `now`.
    static func isMeant(_ line: TraceLine, at now: Timestamp) -> Bool {
        guard line.source != .world else { return range.contains(line.receivedAt) }
        return range.contains(line.receivedAt) && (!range.contains(now) || line.receivedAt - now <= longestGap)
    }
}
