import Bridge
import Events

/// A recording in the order of what happens: outside, and at our door.
struct Timeline {
    /// One thing that happens.
    struct Item: Hashable {
        let at: Timestamp
        /// True for an arrival at our door, false for what happens outside.
        let isArrival: Bool
        /// The line's place in the recording.
        let line: Int
    }

    let lines: [TraceLine]
    let items: [Item]

    init(_ lines: [TraceLine]) {
        self.lines = lines
        items = lines.indices.flatMap { index in
            let line = lines[index]
            let happens = Item(at: line.happenedAt, isArrival: false, line: index)
            let arrives = Item(at: line.receivedAt, isArrival: true, line: index)
            return line.lost || line.source == .world ? [happens] : [happens, arrives]
        }.sorted { ($0.at, $0.isArrival ? 1 : 0, $0.line) < ($1.at, $1.isArrival ? 1 : 0, $1.line) }
    }

    /// The lines of the next `count` deliveries from `position` on, in the order in which they happen, also those that never arrive.
    func window(from position: Int, count: Int) -> [Int] {
        let coming = Set(items[position...].filter { $0.isArrival || lines[$0.line].lost }.map(\.line))
        let next = coming.filter { lines[$0].source != .world }.sorted { (lines[$0].receivedAt, $0) < (lines[$1].receivedAt, $1) }
        return next.prefix(count).sorted { (lines[$0].happenedAt, $0) < (lines[$1].happenedAt, $1) }
    }

    /// What is left from `position` on when the lines of a window are left out.
    func rest(from position: Int, without window: [Int]) -> [Item] { items[position...].filter { !window.contains($0.line) } }

    /// True when the line happened before `position`.
    func hasHappened(_ line: Int, before position: Int) -> Bool { items[..<position].contains { !$0.isArrival && $0.line == line } }
}
