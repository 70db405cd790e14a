import Events
import Foundation
import Testing

/// `lockstep machine --diff` and `--against`, as their user sees them.
@Suite struct MachineVerbTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "lockstep-machine-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    @Test func whatAStepCosts() throws {
        let text = try Lockstep.run(["machine", "--diff", "5.2"])
        #expect(text.code == 0, "\(text.error)")
        for words in ["new states: 7", "VETTING_AUTHPLUS_PENDING", "new events: 9", "Sources/A2PRegistration/Durable/Vetting.swift"] {
            #expect(text.output.contains(words), "\(words)")
        }
        let json = try JSONValue(parsing: try Lockstep.run(["machine", "--diff", "5.2", "--format", "json"]).output)
        let (table, cost) = (try #require(json["table"]), try #require(json["cost"]))
        let legacy = try #require(cost["legacy"])
        #expect(legacy["table"]?["states"]?.integer == 7 && table["statesAdded"]?.array?.count == 7)
        #expect(legacy["table"]?["events"]?.integer == 9 && table["eventsAdded"]?.array?.count == 9)
        #expect(legacy["table"]?["rowsAdded"]?.integer == table["rowsAdded"]?.array?.count)
        #expect(legacy["table"]?["rowsChanged"]?.integer == table["rowsChanged"]?.array?.count)
        // Seven states of 55 events, and 39 states of nine; no cell that was there is of another kind now.
        #expect(legacy["table"]?["cells"]?.integer == 7 * 55 + 39 * 9)
        for side in ["legacy", "durable"] {
            let files = try #require(json["\(side)Files"]?.array)
            #expect(cost[side]?["files"]?.integer == files.count && !files.isEmpty)
            #expect(cost[side]?["linesAdded"]?.integer == files.compactMap { $0["added"]?.integer }.reduce(0, +))
            #expect(cost[side]?["linesRemoved"]?.integer == files.compactMap { $0["removed"]?.integer }.reduce(0, +))
        }
        #expect(cost["durable"]?["table"]?["cells"]?.integer == 0)
    }

    @Test(arguments: [
        (["--diff", "9.9"], "expected a step whose cost was measured (5.2)"), (["--diff", "often"], "expected a step's number"),
        (["--diff", "5.2", "--against", "x"], "ask one at a time"), (["--diff", "5.2", "--format", "dot"], "print text or json"),
        (["--diff", "5.2", "--matrix"], "print text or json"),
        (["--against", "/nowhere/before.json"], "expected a machine that can be read"),
    ]) func refusals(arguments: [String], sentence: String) throws {
        let result = try Lockstep.run(["machine"] + arguments)
        #expect(result.code == 2 && result.output == "")
        #expect(result.error.contains(sentence), "\(result.error)")
    }

    @Test func againstAnExport() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = "\(folder)/before.json"
        let export = try Lockstep.run(["machine", "--format", "json"]).output
        try export.write(toFile: file, atomically: true, encoding: .utf8)
        let same = try Lockstep.run(["machine", "--against", file])
        #expect(same.code == 0 && same.output.contains("nothing is different"))

        try export.replacing("\"tell the customer\"", with: "\"say so\"").write(toFile: file, atomically: true, encoding: .utf8)
        let other = try Lockstep.run(["machine", "--against", file])
        #expect(other.code == 1 && other.output.contains("say so: now 'tell the customer'"), "\(other.output)")
        let json = try Lockstep.run(["machine", "--against", file, "--format", "json"])
        #expect(json.code == 1)
        #expect(try JSONValue(parsing: json.output)["rowsChanged"]?.array?.isEmpty == false)

        try "{\"name\":7}".write(toFile: file, atomically: true, encoding: .utf8)
        let odd = try Lockstep.run(["machine", "--against", file])
        #expect(odd.code == 2 && odd.error.contains("machine --format json"), "\(odd.error)")
    }
}
