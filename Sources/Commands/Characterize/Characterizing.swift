import Bridge
import BridgeTesting
import Events
import LegacyStateMachine
import Outcomes
import ShadowComparator

/// Chooses the recordings that say what the legacy machine does in one step: together they go every way through its cells that any
/// recording goes, and show each bug in a cell that any of them can show.
struct Characterizing<State: MachineState, Record: Codable & Sendable> {
    private let player: LegacyPlayer<State, Record>
    private let step: LegacyStep<State, Record>
    private let comparator = Comparator(strict: true)
    private var ways: [Way] = []
    /// What the recordings with one delivery changed make of the step.
    private var variants: [Way] = []
    private(set) var found: Characterization

    /// A recording that comes to the step, and the way it takes there.
    private struct Way {
        let recording: NamedRecording
        let play: LegacyPlay
        let passages: Set<Passage>

        /// What was made of it: two ways with the same are one.
        var made: Made { Made(trace: play.trace, passages: passages) }

        struct Made: Hashable {
            let trace: JSONValue
            let passages: Set<Passage>
        }
    }

    /// So many recordings are changed, those first that were chosen.
    private static var mostVaried: Int { 40 }
    /// Tries more recordings for one bug than this, and it is one that nobody sees.
    private static var mostTries: Int { 24 }

    init(_ player: LegacyPlayer<State, Record>, _ step: LegacyStep<State, Record>) {
        (self.player, self.step) = (player, step)
        found = Characterization(step: step.number)
    }

    /// Characterizes the step by `recordings`, and by what one changed delivery makes of them when they are `varied`. `progress` is told
    /// what is done, how much of it, and of how much.
    mutating func run(_ recordings: [NamedRecording], varied: Bool, progress: (String, Int, Int) -> Void) async throws {
        for (index, recording) in recordings.enumerated() {
            progress("recording", index, recordings.count)
            try await look(at: recording)
        }
        (found.recordings, found.ways) = (recordings.count, ways.count)
        cover()
        if varied { try await vary(progress) }
        try await tryBugs(progress)
        found.unseen = step.cells.filter { found.index(of: $0.state.rawValue, $0.event) == nil }.map {
            Characterization.Cell(state: $0.state.rawValue, event: $0.event, note: step.note($0.state.rawValue, $0.event))
        }
    }

    private mutating func look(at recording: NamedRecording) async throws {
        let machine = step.domain.machine
        guard let play = try await player.play(recording, on: machine) else { return }
        let passages = play.passages.filter(step.contains)
        guard !passages.isEmpty else { return }
        found.reaching += 1
        for passage in passages.sorted() { found.count(passage, note: step.note(passage.state, passage.event)) }
        let known = ways.firstIndex { $0.passages == passages }
        if let known, ways[known].recording.lines.count <= recording.lines.count { return }
        // What legacy does differently each time says nothing of a step.
        guard try await player.play(recording, on: machine)?.trace == play.trace else { return found.noisy.append(recording.name) }
        if let known { ways.remove(at: known) }
        ways.append(Way(recording: recording, play: play, passages: passages))
    }

    private mutating func vary(_ progress: (String, Int, Int) -> Void) async throws {
        let chosen = Set(found.tests.map(\.recording.name))
        let inOrder = ways.filter { chosen.contains($0.recording.name) } + ways.filter { !chosen.contains($0.recording.name) }
        let recordings = inOrder.prefix(Self.mostVaried).flatMap(\.recording.variations)
        let recorded = found.passages
        var known = Set(ways.map(\.made))
        for (index, recording) in recordings.enumerated() {
            progress("changed recording", index, recordings.count)
            guard let play = try await player.play(recording, on: step.domain.machine) else { continue }
            let way = Way(recording: recording, play: play, passages: play.passages.filter(step.contains))
            guard !way.passages.isEmpty, known.insert(way.made).inserted else { continue }
            variants.append(way)
            for passage in way.passages.subtracting(recorded).sorted() {
                found.count(passage, note: step.note(passage.state, passage.event), by: 0)
            }
        }
        found.variants = variants.count
        cover()
    }

    /// Chooses ways until they go through everything that was seen: the one that adds the most, and of those the shortest.
    private mutating func cover() {
        let all = ways + variants
        var left = found.passages.subtracting(found.tests.flatMap(\.passages))
        while let next = all.max(by: { worth($0, left) < worth($1, left) }), !next.passages.isDisjoint(with: left) {
            left.subtract(next.passages)
            choose(next)
        }
    }

    private func worth(_ way: Way, _ left: Set<Passage>) -> (Int, Int) {
        (way.passages.intersection(left).count, -way.recording.lines.count)
    }

    @discardableResult
    private mutating func choose(_ way: Way) -> Int {
        let test = Characterization.Test(
            name: "\(step.number)-\(found.tests.count + 1)", recording: way.recording, outcome: way.play.observation.outcome,
            passages: way.passages.sorted())
        found.tests.append(test)
        return found.tests.count - 1
    }

    private mutating func tryBugs(_ progress: (String, Int, Int) -> Void) async throws {
        let bugs = found.cells.flatMap { cell in
            step.bugs(in: cell.state, on: cell.event).map { (cell, $0.bug, $0.machine) }
        }
        for (index, (cell, bug, machine)) in bugs.enumerated() {
            progress("bug", index, bugs.count)
            var trial = Characterization.Trial(state: cell.state, event: cell.event, story: bug.story(cell.state, cell.event))
            try await judge(&trial, machine)
            found.trials.append(trial)
        }
    }

    /// Plays what comes to the cell on the table with the bug, the tests that are chosen first, until one shows it.
    private mutating func judge(_ trial: inout Characterization.Trial, _ machine: Machine<State, Record>) async throws {
        let reaching = (ways + variants).filter { $0.passages.contains { $0.state == trial.state && $0.event == trial.event } }
        let chosen = reaching.filter { way in found.tests.contains { $0.recording.name == way.recording.name } }
        let others = reaching.filter { way in !chosen.contains { $0.recording.name == way.recording.name } }
        for way in (chosen + others.sorted { $0.recording.lines.count < $1.recording.lines.count }).prefix(Self.mostTries) {
            let finding = await finding(way, machine)
            if finding != .same { trial.leavesTrace = true }
            guard finding == .difference else { continue }
            let known = found.tests.firstIndex { $0.recording.name == way.recording.name }
            let test = known ?? choose(way)
            found.tests[test].bugs.append(trial.story)
            trial.caughtBy = found.tests[test].name
            return
        }
    }

    private enum Finding { case same, trace, difference }

    /// What `lockstep compare --strict` would say of a step that had this bug.
    private func finding(_ way: Way, _ machine: Machine<State, Record>) async -> Finding {
        let play: LegacyPlay?
        do { play = try await player.play(way.recording, on: machine, atMost: 4 * way.play.transactions + 1000) } catch {
            // It ends in an error, or never.
            return .difference
        }
        guard let play else { return .difference }
        var candidate = play.observation
        // As of a durable step, the states in which it waited are compared, and how long.
        candidate.visits = [step.number: 1]
        let differences = comparator.compare(control: way.play.observation, candidate: candidate).differences
        guard differences.isEmpty else { return .difference }
        return play.trace.isAlmost(way.play.trace) ? .same : .trace
    }
}
