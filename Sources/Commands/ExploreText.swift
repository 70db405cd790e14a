import Cutover
import Events
import Outcomes
import ShadowComparator

/// What `explore` prints.
struct ExploreText {
    var bounds: ExplorationBounds
    var steps: [Step] = []
    var seconds = 0.0
    /// The evidence file as it is now; nil when nothing was added to one.
    var evidence: EvidenceSummary?

    /// One step, over all recordings.
    struct Step {
        let number: StepNumber
        var result: ExplorationResult
        /// The recordings that enter the step, with what was found.
        var entered: [(name: String, result: ExplorationResult)] = []
        /// How many do not.
        var passedBy = 0

        init(number: StepNumber, result: ExplorationResult) { (self.number, self.result) = (number, result) }

        mutating func add(_ name: String, _ found: ExplorationResult?) {
            guard let found else {
                passedBy += 1
                return
            }
            entered.append((name, found))
            result.add(found)
        }
    }

    /// A difference that nothing explains, or a repetition that changes something on the hybrid path and nothing on the other.
    var hasFindings: Bool {
        steps.contains { $0.result.unexplained > 0 || !$0.result.repetitionsBrokenByHybridAlone.isEmpty }
    }

    var text: String {
        let head = "bounds: \(bounds); complete within them, in \(seconds) s"
        let gates = evidence.map { ["", EvidenceText.text($0)] } ?? []
        return ([head] + steps.flatMap(text) + gates).joined(separator: "\n")
    }

    private func text(_ step: Step) -> [String] {
        let result = step.result
        var lines = [
            "", "step \(step.number): \(step.entered.count) of \((step.entered.count + step.passedBy).counted("recording")) enter it",
            "schedules: \(result.covered) covered by \(result.executed) that were executed;"
                + " \(result.states.counted("joint state")), \(result.transitions.counted("joint step"))",
        ]
        let rows = result.paths.sorted { $0.key > $1.key }.map { name, path in
            [name, String(path.states), String(path.steps), String(path.ends), String(path.cells.count)]
        }
        lines.append(Console.table([["path", "states", "steps run", "ends played", "state × event"]] + rows))
        if result.unanswerable > 0 {
            let states = result.unanswerable.counted("joint state")
            lines.append("not gone on from: \(states), where the next to happen answers a call that one path never makes")
        }
        lines.append("ends: \(result.ends.counted("pair")) compared, \(result.unexplained) with unexplained differences")
        lines += result.laws.sorted { $0.key < $1.key }.map(text)
        for finding in result.findings { lines += text(finding) }
        return lines
    }

    private func text(_ name: String, _ law: ExplorationResult.Law) -> String {
        let broken = law.broken.values.reduce(0, +)
        guard broken > 0 else { return "\(name): holds, checked \(law.checked.counted("time"))" }
        let kinds = law.broken.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) (\($0.value))" }
        return "\(name): not in \(broken) of \(law.checked), for \(kinds.joined(separator: ", "))"
    }

    private func text(_ finding: ExplorationResult.Finding) -> [String] {
        let cause = finding.cause
        let place = [cause.step.map { "step \($0)" }, "\(cause.first) \(cause.kind.rawValue)"].compactMap { $0 }.joined(separator: ", ")
        return ["", Console.visible("unexplained: \(place), \(finding.ends.counted("pair")) of ends, \(cause.example); for example")]
            + finding.schedule.map { "  \($0)" }
    }

    var json: JSONValue {
        get throws {
            var total = ExplorationResult(bounds: bounds)
            for step in steps { total.add(step.result) }
            var json = try JSONValue(encoding: total)
            json["coverage"] = .object(total.paths.mapValues { .object($0.cells.mapValues { .integer($0) }) })
            json["secondsElapsed"] = .number(seconds)
            if let evidence { json["evidence"] = try EvidenceText.json(evidence) }
            json["steps"] = .array(
                try steps.map { step in
                    var one = try JSONValue(encoding: step.result)
                    one["step"] = .string(step.number.description)
                    one["recordings"] = .array(
                        step.entered.map {
                            ["name": .string($0.name), "covered": .string(String($0.result.covered)), "states": .integer($0.result.states)]
                        })
                    return one
                })
            return json
        }
    }
}
