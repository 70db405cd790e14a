public import Events
import HeapModule

/// Recorded lines as a run needs them, one at a time: nobody has to hold a whole trace in memory.
///
/// A line happens when its event occurred at the outside. For most lines that is the moment of receipt. The others are *early*: they were
/// delayed or repeated, were lost, or script the outside. A run reads all lines in order of receipt, and the early ones in order of
/// happening as well.
public protocol RecordedTrace {
    /// Names the content. Two traces with the same digest have the same lines in the same order.
    var digest: String { get }
    /// The next line in order of receipt; nil after the last.
    mutating func nextReceived() throws -> TraceLine?
    /// The next line that happened before it was received, in order of happening; nil after the last.
    mutating func nextEarly() throws -> TraceLine?
}

extension TraceLine {
    /// When it happened at the outside, as far as a run is concerned.
    package var happenedAt: Timestamp { source == .world ? .distantPast : min(occurredAt ?? receivedAt, receivedAt) }
    /// The delivery as it would be had it reached us at `moment`; when it happened at the sender stays.
    package func message(at moment: Timestamp) -> WireMessage {
        WireMessage(
            source: source, body: body.string ?? body.canonicalText, receivedAt: moment, occurredAt: occurredAt ?? receivedAt)
    }
    /// True when it happened before it was received.
    package var isEarly: Bool { happenedAt < receivedAt || source == .world }
}

/// Lines that are in memory, in order of receipt.
struct TraceInMemory: RecordedTrace {
    let digest: String
    private var received: ArraySlice<TraceLine>
    private var early: ArraySlice<TraceLine>

    init(_ lines: [TraceLine]) {
        digest = StableHash.hexadecimal(lines.map(\.text).joined(separator: "\n"))
        received = lines[...]
        early =
            lines.filter(\.isEarly).enumerated().sorted { left, right in
                (left.element.happenedAt, left.offset) < (right.element.happenedAt, right.offset)
            }.map(\.element)[...]
    }

    mutating func nextReceived() -> TraceLine? { received.popFirst() }
    mutating func nextEarly() -> TraceLine? { early.popFirst() }
}

/// Lines by time, and by arrival where times are equal.
struct TraceLineQueue {
    private struct Entry: Comparable {
        let at: Timestamp
        let place: Int
        let line: TraceLine

        static func < (left: Entry, right: Entry) -> Bool { (left.at, left.place) < (right.at, right.place) }
        static func == (left: Entry, right: Entry) -> Bool { left.place == right.place }
    }

    private var heap = Heap<Entry>()
    private var count = 0

    var next: Timestamp? { heap.min?.at }

    mutating func insert(_ line: TraceLine, at moment: Timestamp) {
        heap.insert(Entry(at: moment, place: count, line: line))
        count += 1
    }

    mutating func take(until now: Timestamp) -> TraceLine? {
        guard let next, next <= now else { return nil }
        return heap.popMin()?.line
    }
}
