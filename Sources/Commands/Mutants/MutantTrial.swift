import BridgeTesting
import Events
import Outcomes
import ShadowComparator

/// What came of one bug that was put in on purpose.
struct MutantTrial: Codable, BugTrial {
    /// What looks for bugs, in the order in which they are asked.
    enum Judge: String, Codable, CaseIterable {
        /// The recordings are played on both paths, and compared.
        case comparator
        /// Some recordings are explored: other orders, repetitions, losses, delays, deaths of the process.
        case explorer
        /// Generated entities, faults and operators; checked by the laws of the hand-off.
        case simulation
    }

    /// Its number in the catalogue; nil for one that is in no public report.
    var number: Int?
    var side: Mutant.Side
    var step: StepNumber?
    var story: String
    /// False for one in a cell of the legacy table that no recording comes to: nothing can be said of it.
    var isReached = true
    /// Who found it; nil when nobody did.
    var caughtBy: Judge?
    /// The layers of the comparison in which it was seen.
    var layers: [Difference.Layer] = []
    /// The law that it broke, where no comparison saw it.
    var law: String?
    /// What was found first, in a sentence.
    var found: String?
    /// How many recordings were played for it, on either path.
    var played = 0
    /// How many schedules were walked for it.
    var schedules = 0
    /// How many entities were simulated for it.
    var simulated = 0
    var seconds = 0.0

    init(_ mutant: Mutant) { (number, side, step, story) = (mutant.number, mutant.side, mutant.step, mutant.story) }

    var name: String { Mutant.name(number, step, story) }
    var isCaught: Bool { caughtBy != nil }
    var isMet: Bool { isReached }

    mutating func isCaught(by judge: Judge, _ finding: Finding) {
        (caughtBy, layers, law, found) = (judge, finding.layers, finding.law, finding.sentence)
    }

    /// How a bug was seen.
    struct Finding {
        var layers: [Difference.Layer] = []
        var law: String?
        var sentence: String
    }
}

/// All trials, and what they come to: the mutation score.
struct MutantScore: Encodable {
    var mutants: [MutantTrial] = []
    var secondsElapsed = 0.0

    private enum CodingKeys: String, CodingKey { case expressible, caught, survivors, unreached, mutants, secondsElapsed }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(mutants.expressible.count, forKey: .expressible)
        try container.encode(mutants.caught.count, forKey: .caught)
        try container.encode(mutants.survivors.map(\.name), forKey: .survivors)
        try container.encode(mutants.unmet.map(\.name), forKey: .unreached)
        try container.encode(mutants, forKey: .mutants)
        try container.encode(secondsElapsed, forKey: .secondsElapsed)
    }
}

extension MutantScore {
    var text: String {
        let (survivors, unreached) = (mutants.survivors, mutants.unmet)
        var lines = [
            "caught \(mutants.caught.count) of \(mutants.expressible.count.counted("bug")) that were put in on purpose, in \(secondsElapsed) s"
        ]
        for side in Mutant.Side.allCases { lines += text(side) }
        if !survivors.isEmpty { lines += ["", "Nobody found:"] + survivors.map { "  \($0.name)" } }
        if !unreached.isEmpty {
            lines += ["", "In cells that no recording comes to, so that nothing can be said of them:"] + unreached.map { "  \($0.name)" }
        }
        return lines.joined(separator: "\n")
    }

    private func text(_ side: Mutant.Side) -> [String] {
        let trials = mutants.expressible.filter { $0.side == side }
        guard !trials.isEmpty else { return [] }
        let rows = trials.map { trial in
            [trial.name, trial.caughtBy?.rawValue ?? "SURVIVES", Self.seen(trial), "\(trial.seconds) s"]
        }
        return ["", "\(side.title) (\(trials.caught.count) of \(trials.count))", Console.table(rows)]
    }

    private static func seen(_ trial: MutantTrial) -> String {
        trial.layers.isEmpty ? trial.law ?? "" : trial.layers.map(\.rawValue).joined(separator: ", ")
    }
}

extension Mutant.Side {
    fileprivate var title: String {
        switch self {
        case .legacy: "cells of the legacy table"
        case .handOff: "the hand-off"
        case .durable: "durable steps"
        }
    }
}
