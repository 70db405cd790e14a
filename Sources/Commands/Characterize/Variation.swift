import Events

/// What may become of one delivery of a recording: what no recording happens to have is made of one that is there.
enum Variation: CaseIterable {
    /// It never arrives.
    case lost
    /// It arrives a day late, when somebody has looked.
    case late
    /// It arrives again, a day later.
    case again
    /// It arrives before the one that came before it.
    case early
    /// Nothing comes after it.
    case last

    private static var day: Duration { .hours(25) }

    /// The recording with this change of its line `index`; nil when there is nothing to change.
    func of(_ recording: NamedRecording, line index: Int) -> NamedRecording? {
        var lines = recording.lines
        let line = lines[index]
        guard line.source != .world, !line.lost else { return nil }
        switch self {
        case .lost: lines[index].lost = true
        case .late:
            lines[index].occurredAt = line.occurredAt ?? line.receivedAt
            lines[index].receivedAt = line.receivedAt + Self.day
        case .again:
            lines.append(line)
            lines[lines.count - 1].occurredAt = line.occurredAt ?? line.receivedAt
            lines[lines.count - 1].receivedAt = line.receivedAt + Self.day
        case .early:
            guard let before = lines[..<index].last(where: { $0.source != .world && !$0.lost && $0.receivedAt < line.receivedAt }) else {
                return nil
            }
            lines[index].receivedAt = before.receivedAt + .milliseconds(-1)
            lines[index].occurredAt = nil
        case .last:
            guard index + 1 < lines.count else { return nil }
            lines.removeSubrange((index + 1)...)
        }
        let inOrder = lines.enumerated().sorted { ($0.element.receivedAt, $0.offset) < ($1.element.receivedAt, $1.offset) }
        return NamedRecording(
            name: "\(recording.name), line \(index + 1) \(words)", entity: recording.entity, lines: inOrder.map(\.element))
    }

    private var words: String {
        switch self {
        case .lost: "never arrives"
        case .late: "a day late"
        case .again: "again a day later"
        case .early: "too early"
        case .last: "the last"
        }
    }
}

extension NamedRecording {
    /// The recording with one delivery changed, in every way.
    var variations: [NamedRecording] {
        lines.indices.flatMap { line in Variation.allCases.compactMap { $0.of(self, line: line) } }
    }
}
