import Events
import FoundationEssentials
import Outcomes

/// What recordings show of a step of the legacy machine, and the tests that were made of them.
struct Characterization {
    /// A cell of the table that was seen at work, or that nobody has seen.
    struct Cell: Encodable {
        let state: String
        let event: EventKind
        let note: String
        /// In how many recordings it has led where; in none when only a changed delivery leads there.
        var led: [String: Int] = [:]
    }

    /// A recording that was chosen.
    struct Test {
        let name: String
        let recording: NamedRecording
        /// What legacy alone ends as.
        let outcome: Outcome
        let passages: [Passage]
        /// The bugs that it was the first to show.
        var bugs: [String] = []
    }

    /// A bug that was put into a cell.
    struct Trial: Encodable, BugTrial {
        let state: String
        let event: EventKind
        let story: String
        /// The test that shows it.
        var caughtBy: String?
        /// False when every recording leads to the same calls, state and record with it as without it, give or take two hours.
        var leavesTrace = false

        var isCaught: Bool { caughtBy != nil }
        var isMet: Bool { leavesTrace }
    }

    let step: StepNumber
    var recordings = 0
    /// How many of them come to the step.
    var reaching = 0
    var ways = 0
    /// How many recordings with one delivery changed come to the step in another way.
    var variants = 0
    var cells: [Cell] = []
    var unseen: [Cell] = []
    var tests: [Test] = []
    var trials: [Trial] = []
    /// The recordings of which legacy makes something else each time.
    var noisy: [String] = []

    init(step: StepNumber) { self.step = step }

    /// Every way through a cell that was seen.
    var passages: Set<Passage> {
        Set(cells.flatMap { cell in cell.led.keys.map { Passage(state: cell.state, event: cell.event, target: $0) } })
    }

    /// Where a cell is among those that were seen; nil for one that was not.
    func index(of state: String, _ event: EventKind) -> Int? { cells.firstIndex { $0.state == state && $0.event == event } }

    /// So many recordings go this way through a cell.
    mutating func count(_ passage: Passage, note: String, by number: Int = 1) {
        let index = index(of: passage.state, passage.event)
        if index == nil { cells.append(Cell(state: passage.state, event: passage.event, note: note)) }
        cells[index ?? cells.count - 1].led[passage.target, default: 0] += number
    }
}

extension Characterization: Encodable {
    private enum CodingKeys: CodingKey {
        case step, recordings, reaching, ways, variants, cells, tests, expressible, caught, survivors, traceless, unseen, noisy, bugs
    }

    private struct ShownTest: Encodable {
        let name: String
        let recording: String
        let lines: Int
        let passages: [Passage]
        let bugs: [String]
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(step, forKey: .step)
        try container.encode(recordings, forKey: .recordings)
        try container.encode(reaching, forKey: .reaching)
        try container.encode(ways, forKey: .ways)
        try container.encode(variants, forKey: .variants)
        try container.encode(cells, forKey: .cells)
        let shown = tests.map {
            ShownTest(
                name: $0.name, recording: $0.recording.name, lines: $0.recording.lines.count, passages: $0.passages, bugs: $0.bugs)
        }
        try container.encode(shown, forKey: .tests)
        try container.encode(trials, forKey: .bugs)
        try container.encode(trials.expressible.count, forKey: .expressible)
        try container.encode(trials.caught.count, forKey: .caught)
        try container.encode(trials.survivors.map(\.story), forKey: .survivors)
        try container.encode(trials.unmet.map(\.story), forKey: .traceless)
        try container.encode(unseen, forKey: .unseen)
        try container.encode(noisy, forKey: .noisy)
    }
}

extension Characterization {
    /// What is printed; `folder` is where the tests were written.
    func text(folder: String?) -> String {
        let head =
            "step \(step): \(recordings.counted("recording")), \(reaching) \(reaching == 1 ? "comes" : "come") to it in "
            + ways.counted("way") + (variants == 0 ? "" : ", \(variants) more with one delivery changed")
        let rows = cells.sorted { ($0.state, $0.event.rawValue) < ($1.state, $1.event.rawValue) }.flatMap(rows)
        let table = Console.table([["state", "event", "led to", "seen", "tests", "what it does"]] + rows)
        let bugs =
            "\(tests.count.counted("test")) \(tests.count == 1 ? "goes" : "go") all these ways, and \(tests.count == 1 ? "shows" : "show") "
            + "\(trials.caught.count) of \(trials.expressible.count.counted("bug")) that were put into these cells"
        return ([head, "", table, "", bugs] + lists + written(folder)).joined(separator: "\n")
    }

    private func rows(_ cell: Cell) -> [[String]] {
        cell.led.sorted { $0.key < $1.key }.map { target, seen in
            let passage = Passage(state: cell.state, event: cell.event, target: target)
            return [
                cell.state, cell.event.rawValue, target == cell.state ? "-" : target, seen == 0 ? "changed" : String(seen),
                tests.filter { $0.passages.contains(passage) }.map(\.name).joined(separator: " "), cell.note,
            ]
        }
    }

    private var lists: [String] {
        list("Bugs that no comparison shows, though they change something:", trials.survivors.map(\.story))
            + list("Bugs that change nothing in any recording:", trials.unmet.map(\.story))
            + list("Cells of the table that no recording comes to:", unseenByEvent)
            + list("Recordings of which legacy makes something else each time, and that were left out:", noisy)
    }

    private var unseenByEvent: [String] {
        Dictionary(grouping: unseen, by: \.event).sorted { $0.key < $1.key }.map { event, cells in
            "\(event) in \(cells.map(\.state).joined(separator: ", "))"
        }
    }

    private func list(_ title: String, _ entries: [String]) -> [String] {
        entries.isEmpty ? [] : ["", title] + entries.map { "  \(Console.visible($0))" }
    }

    private func written(_ folder: String?) -> [String] {
        guard let folder, !tests.isEmpty else { return [] }
        return ["", "Written to \(folder); '\(Program.name) compare --strict \(folder)/\(step)-*' judges a durable step \(step) by them"]
    }
}
