import Events
import Outcomes
public import ShadowComparator

/// Two paths side by side, as lines that fit a width.
///
/// A line of one path alone has `<` or `>` between the columns, a line of two different things `|`. `!!` stands before the first effect
/// that differs, `!` before others that nothing explains, `~` before those that are explained.
public struct SideBySideText: Sendable {
    /// The least width: in less, nothing can be told from anything else.
    public static let leastWidth = 60

    private let width: Int
    private let isWhole: Bool
    /// Equal lines that are shown around each that is not.
    private static let context = 2
    private static let timeWidth = 14

    /// A layout of at most `width` characters a line, at least ``leastWidth``. Long stretches on which both paths did the same are one
    /// line, unless everything `isWhole`.
    public init(width: Int = 120, isWhole: Bool = false) {
        self.width = max(width, Self.leastWidth)
        self.isWhole = isWhole
    }

    /// The lines; the first one is the head.
    public func lines(of sides: SideBySide, control: String, candidate: String) -> [String] {
        var lines = [row("", ("", control), " ", ("", candidate))]
        var last: Timestamp?
        for part in parts(sides.lines) {
            switch part {
            case .shown(let line):
                lines.append(
                    row(line.at == last ? "" : Self.moment(line.at), Self.cell(line.control), Self.between(line), Self.cell(line.candidate))
                )
                last = line.at
            case .folded(let count):
                lines.append(fit("…", Self.timeWidth) + "     \(count.counted("line")) on which both did the same")
                last = nil
            }
        }
        return lines
    }

    /// A line for each difference with its class and rule, and for those that nothing explains, and for the first effect, a line for each
    /// member that differs.
    public func lines(of differences: [Difference], first: Difference?, control: String, candidate: String) -> [String] {
        differences.flatMap { difference -> [String] in
            let isFirst = difference == first
            let mark = isFirst ? SideBySide.Mark.first : difference.expected ? .explained : .unexplained
            let lines = head(of: difference, mark)
            guard isFirst || !difference.expected else { return lines }
            return lines + difference.members.map { fit("     " + $0.text(control, candidate, of: difference.kind), width) }
        }
    }

    /// The rule has a line of its own when it does not fit.
    private func head(of difference: Difference, _ mark: SideBySide.Mark) -> [String] {
        let place =
            "\(mark.text) \(difference.layer.rawValue) \(difference.path) \(difference.kind.rawValue): \(difference.explanation.rawValue)"
        guard let rule = difference.rule else { return [fit(place, width)] }
        let reason = difference.expected ? rule : "promised: \(rule)"
        let whole = "\(place), \(reason)"
        return whole.count <= width ? [whole] : [fit(place, width), fit("     " + reason, width)]
    }

    // MARK: Lines

    private enum Part {
        case shown(SideBySide.Line)
        case folded(Int)
    }

    private func parts(_ lines: [SideBySide.Line]) -> [Part] {
        var parts: [Part] = []
        var hidden: [SideBySide.Line] = []
        let shown = Set(lines.indices.filter { !lines[$0].isSame }.flatMap { ($0 - Self.context)...($0 + Self.context) })
        func unfold() {
            parts += hidden.count > 2 ? [.folded(hidden.count)] : hidden.map(Part.shown)
            hidden = []
        }
        for (index, line) in lines.enumerated() {
            guard isWhole || shown.contains(index) else {
                hidden.append(line)
                continue
            }
            unfold()
            parts.append(.shown(line))
        }
        unfold()
        return parts
    }

    private static func moment(_ at: Timestamp) -> String { String(Text.moment(at.description).dropFirst(5)) }

    private static func between(_ line: SideBySide.Line) -> String {
        if line.isSame { return " " }
        return line.control == nil ? ">" : line.candidate == nil ? "<" : "|"
    }

    private static func cell(_ cell: SideBySide.Cell?) -> (mark: String, text: String) {
        guard let cell else { return ("", "") }
        return (cell.mark?.text ?? "", cell.event.detail.isEmpty ? cell.event.what : "\(cell.event.what) \(cell.event.detail)")
    }

    private func row(_ time: String, _ left: (mark: String, text: String), _ between: String, _ right: (mark: String, text: String))
        -> String
    {
        let room = (width - Self.timeWidth - 13) / 2
        let cells = [(time, Self.timeWidth), (left.mark, 2), (left.text, room), (between, 1), (right.mark, 2), (right.text, room)]
        let spaces = ["", "  ", " ", " ", " ", " "]
        let text = zip(spaces, cells).map { space, cell in space + Self.padded(Self.shortened(cell.0, to: cell.1), to: cell.1) }.joined()
        return String(text.reversed().drop { $0 == " " }.reversed())
    }

    private func fit(_ text: String, _ room: Int) -> String { Self.shortened(text, to: room) }

    private static func padded(_ text: String, to room: Int) -> String { text + String(repeating: " ", count: max(0, room - text.count)) }

    /// A text that is too long loses the state that it comes from, then the end of what led to the next one; any other loses its middle.
    static func shortened(_ text: String, to room: Int) -> String {
        guard text.count > room else { return text }
        let words = text.split(separator: " ").map(String.init)
        if words.count == 4, words[2] == "->" { return shortened("\(words[0]) -> \(words[3])", to: room) }
        let next = words.count == 3 && words[1] == "->" ? " -> \(words[2])" : ""
        let end = (6..<room - 6).contains(next.count) ? next.count : (room - 1) / 3
        return text.prefix(room - 1 - end) + "…" + text.suffix(end)
    }
}

extension SideBySide.Mark {
    /// What stands before an effect.
    var text: String {
        switch self {
        case .first: "!!"
        case .unexplained: "! "
        case .explained: "~ "
        }
    }
}
