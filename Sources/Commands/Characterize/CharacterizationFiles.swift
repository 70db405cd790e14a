import Events
import FoundationEssentials
import Outcomes

/// The folder into which tests of a step are written, a scenario each.
struct CharacterizationFiles {
    let folder: String
    let step: StepNumber

    /// Throws when the folder has tests of the step already: which of them are still right is somebody's decision.
    func check() throws {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        guard let known = names.sorted().first(where: { $0.hasPrefix("\(step)-") }) else { return }
        throw CommandFailure(
            .usage, "--output \(folder): expected no tests of step \(step), found \(known); move them away or pass another")
    }

    func write(_ tests: [Characterization.Test]) throws {
        for test in tests {
            var outcome = try JSONValue(encoding: test.outcome)
            outcome["entity"] = .string(test.recording.entity.rawValue)
            let scenario = ScenarioFolder(lines: test.recording.lines, readme: readme(test), outcome: outcome)
            try scenario.write(to: "\(folder)/\(test.name)", "--output")
        }
    }

    private func readme(_ test: Characterization.Test) -> String {
        let ways = test.passages.map { passage in
            passage.target == passage.state
                ? "- `\(passage.event)` in `\(passage.state)`" : "- `\(passage.event)` in `\(passage.state)` leads to `\(passage.target)`"
        }
        let bugs = test.bugs.isEmpty ? [] : ["", "It shows these bugs:", ""] + test.bugs.map { "- \($0)" }
        let head = [
            "# \(test.name)", "", "What legacy alone does in step \(step), from \(test.recording.name).",
            "Written by `\(Program.name) characterize \(step)`; `outcome.json` is what legacy ends as.", "",
        ]
        return (head + ways + bugs).joined(separator: "\n") + "\n"
    }
}
