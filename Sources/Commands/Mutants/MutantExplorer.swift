import Bridge
import BridgeTesting
import Cutover
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import ShadowComparator

/// Looks for bugs in other orders, repetitions, losses and delays of what some recordings have.
final class MutantExplorer<State: MachineState, Record: Codable & Sendable> {
    private let explorations: [Exploration<State, Record>]
    private let comparator: Comparator
    private let most: Int
    private let recordings: [NamedRecording]
    /// What the explorations of the program without a bug come to, by step.
    private var plain: [StepNumber: [(recording: NamedRecording, result: ExplorationResult)]] = [:]

    /// Nil for a program that cannot be copied.
    init?(
        _ app: LockstepApp<State, Record>, _ plan: MigrationPlan, _ comparator: Comparator, _ options: MutantOptions
    ) async throws {
        guard options.explored > 0, app.canBeExplored else { return nil }
        explorations = try plan.steps.filter(\.stage.isMoved).map {
            try app.exploration(
                of: $0.number, plan, ExplorationBounds(events: 2, duplicates: 1, losses: 1, delays: 1, crashes: 1))
        }
        (self.comparator, most) = (comparator, options.explored)
        let all = try await explorations.first?.recordings(named: options.inputs) ?? []
        recordings = all.sorted { ($0.lines.count, $0.name) < ($1.lines.count, $1.name) }
    }

    func finding(_ mutated: MutatedDomain<State, Record>, _ trial: inout MutantTrial) async throws -> MutantTrial.Finding? {
        for exploration in explorations where mutated.mutant.step ?? exploration.step == exploration.step {
            var bent = exploration
            bent.domain = mutated.domain
            bent.ports = mutated.mutant.ports
            let storage = mutated.mutant.storage
            bent.storage = { storage(InMemoryHandoffStore()) as? InMemoryHandoffStore ?? InMemoryHandoffStore() }
            for (recording, plain) in try await plain(exploration) {
                do {
                    let found = try await bent.run(recording.lines, comparator: comparator)
                    trial.schedules += found?.executed ?? 0
                    if let finding = Self.finding(found, plain, recording) { return finding }
                } catch { return MutantTrial.Finding(law: "the run goes on", sentence: "\(recording.name): \(error)") }
            }
        }
        return nil
    }

    private static func finding(
        _ found: ExplorationResult?, _ plain: ExplorationResult, _ recording: NamedRecording
    ) -> MutantTrial.Finding? {
        guard let found else {
            return MutantTrial.Finding(law: "the step is entered", sentence: "\(recording.name): it does not enter the step")
        }
        for (law, now) in found.laws.sorted(by: { $0.key < $1.key }) {
            let before = plain.laws[law]?.broken ?? [:]
            guard let kind = now.broken.keys.sorted().first(where: { before[$0] == nil }) else { continue }
            return MutantTrial.Finding(law: law, sentence: "\(recording.name): it is broken by \(kind)")
        }
        let known = plain.findings.map(\.cause)
        guard let new = found.findings.first(where: { finding in !known.contains { $0.isSame(as: finding.cause) } }) else { return nil }
        return MutantTrial.Finding(
            law: "all ends are alike", sentence: "\(recording.name): \(new.cause.first) \(new.cause.kind.rawValue)")
    }

    /// The shortest recordings that enter the step.
    private func plain(
        _ exploration: Exploration<State, Record>
    ) async throws -> [(recording: NamedRecording, result: ExplorationResult)] {
        if let plain = plain[exploration.step] { return plain }
        var found: [(recording: NamedRecording, result: ExplorationResult)] = []
        for recording in recordings where found.count < most {
            // One that cannot be explored, because it is longer than an exploration may be, is none of those.
            guard let result = try? await exploration.run(recording.lines, comparator: comparator) else { continue }
            found.append((recording, result))
        }
        plain[exploration.step] = found
        return found
    }
}
