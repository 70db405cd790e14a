import Events
import FoundationEssentials
import MigrationReport
import Outcomes
import ShadowComparator

/// What `compare --replay` prints.
struct ReplayText {
    let replay: Replay
    /// Every line, also long stretches on which both paths did the same.
    let isWhole: Bool
    let width: Int

    /// Nobody reads on after so many.
    private static let most = 20

    init(_ replay: Replay, isWhole: Bool, width: Int = Self.width(ProcessInfo.processInfo.environment["COLUMNS"])) {
        (self.replay, self.isWhole, self.width) = (replay, isWhole, width)
    }

    /// The width that a terminal says it has; 120 when it says none.
    static func width(_ columns: String?) -> Int { columns.flatMap { Int($0) }.map { max($0, SideBySideText.leastWidth) } ?? 120 }

    var text: String {
        let differing = replay.entities.count { !$0.comparison.differences.isEmpty }
        var lines = ["\(Program.counted(replay.compared)) replayed on both paths, \(differing) \(differing == 1 ? "differs" : "differ")"]
        if replay.entities.isEmpty, replay.compared > 0 { lines.append("pass --all to see what both paths did") }
        for one in replay.entities.prefix(Self.most) { lines += [""] + text(one) }
        let rest = replay.entities.count - Self.most
        if rest > 0 { lines += ["", "… and \(Program.counted(rest)) more; name one with --entity"] }
        if !replay.entities.isEmpty { lines += [""] + Self.legend }
        return lines.map { Console.visible($0) }.joined(separator: "\n")
    }

    private static let legend = [
        "< one path alone >, | two different things", "!! first effect that differs, ! unexplained, ~ explained",
    ]

    private func text(_ one: ReplayedEntity) -> [String] {
        let layout = SideBySideText(width: width, isWhole: isWhole)
        let differences = one.comparison.differences
        let unexplained = differences.count { !$0.expected }
        var lines = ["\(one.comparison.entity): \(differences.count.counted("difference")), \(unexplained) of them unexplained", ""]
        lines += layout.lines(of: one.sides, control: one.names.control, candidate: one.names.candidate)
        guard !differences.isEmpty else { return lines }
        let first = one.sides.first
        let sorted = differences.filter { $0 == first } + differences.filter { $0 != first && !$0.expected }
        let lists = sorted + differences.filter { $0 != first && $0.expected }
        return lines + [""] + layout.lines(of: lists, first: first, control: one.names.control, candidate: one.names.candidate)
    }

    /// The same as data, nothing left out.
    var json: JSONValue {
        get throws {
            [
                "compared": .integer(replay.compared), "isMismatch": .bool(replay.isMismatch),
                "registrations": .array(try replay.entities.map(Self.json)),
            ]
        }
    }

    private static func json(_ one: ReplayedEntity) throws -> JSONValue {
        var json = try JSONValue(encoding: one.sides)
        json["registration"] = .string(one.comparison.entity.rawValue)
        json["verdict"] = .string(one.comparison.verdict.rawValue)
        json["paths"] = ["control": .string(one.names.control), "candidate": .string(one.names.candidate)]
        json["first"] = try one.sides.first.map(json(of:)) ?? .null
        json["differences"] = .array(try one.comparison.differences.map(json(of:)))
        return json.inTheWordsOfTheApp
    }

    /// A difference without its values, which may be personal, and with the members that differ.
    private static func json(of difference: Difference) throws -> JSONValue {
        [
            "layer": .string(difference.layer.rawValue), "kind": .string(difference.kind.rawValue), "path": .string(difference.path),
            "class": .string(difference.explanation.rawValue), "rule": difference.rule.map { .string($0) } ?? .null,
            "members": try JSONValue(encoding: difference.members),
        ]
    }
}
