import Events
import Foundation
import Testing

/// `lockstep compare --replay`, as a process.
@Suite struct ReplayTests {
    private let folder = NSTemporaryDirectory() + "lockstep-replay-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    /// The built-in plan, which does not say that the step orders a vetting.
    private func silentPlan() throws -> String {
        let plan = try String(contentsOfFile: "Migrations/Plans/hybrid-5.2.yaml", encoding: .utf8)
        let path = folder + "/silent.yaml"
        let silent = plan.replacing("      - { effect: vetting.order, count: 1, when: *external }\n", with: "")
        #expect(silent != plan)
        try Data(silent.utf8).write(to: URL(filePath: path))
        return path
    }

    @Test func aMinimisedScenarioIsSeenOnBothPaths() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let plan = try silentPlan()
        let found = try Lockstep.run(
            ["compare", "LegacyFixtures/happy-private-profit", "--plan", plan, "--minimize", folder, "--database", folder + "/c"])
        #expect(found.code == 1, "\(found.error)")
        let scenario = folder + "/5.2-vetting.order-extra"
        #expect(found.output.contains("compare --replay \(scenario)' shows what both paths did"))
        let shown = try Lockstep.run(["compare", "--replay", scenario, "--plan", plan])
        #expect(shown.code == 1, "\(shown.error)")
        let marked = shown.output.split(separator: "\n").filter { $0.contains("!!") }
        #expect(marked.count == 3, "the line of the path, the difference, the legend")
        #expect(
            marked.first?.contains("> !! effect 5.2/vetting.order/1") == true
                || marked.first?.contains("| !! effect 5.2/vetting.order/1") == true)
        #expect(marked.dropFirst().first == "!! effects 5.2/vetting.order/1 extra: unexplained")
        #expect(shown.output.split(separator: "\n").allSatisfy { $0.count <= 120 })
        #expect(!shown.output.contains("\u{1B}"))
        // Mended, it is a difference that the plan announces.
        let mended = try Lockstep.run(["compare", scenario, "--replay"])
        #expect(mended.code == 0)
        #expect(mended.output.contains("~ "))
    }

    @Test func theSameAsData() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let shown = try Lockstep.run(
            ["compare", "--replay", "LegacyFixtures/happy-private-profit", "--plan", try silentPlan(), "--format", "json"])
        #expect(shown.code == 1)
        let one = try #require(shown.json?["registrations"]?.array?.first)
        #expect(one["registration"] == "R-900001" && one["verdict"] == "mismatched")
        #expect(one["first"]?["path"] == "5.2/vetting.order/1" && one["first"]?["class"] == "unexplained")
        #expect(one["differences"]?.array?.contains { $0["class"] == "announced" && $0["rule"]?.string != nil } == true)
        let lines = try #require(one["lines"]?.array)
        // As many effects as the database of a comparison has.
        _ = try Lockstep.run(["compare", "LegacyFixtures/happy-private-profit", "--database", folder + "/c"])
        for (side, path) in [("control", "legacy"), ("candidate", "hybrid")] {
            let history = try Lockstep.run(["history", "show", "R-900001", "--database", "\(folder)/c.\(path)", "--format", "json"])
            let events = lines.compactMap { $0[side]?["event"] }
            #expect(events.count == history.json?["journal"]?.array?.count ?? 0)
            #expect(events.count { $0["kind"] == "effect" } == history.json?["ledger"]?.array?.count)
        }
        #expect(lines.count { $0["candidate"]?["mark"] == "first" } == 1)
    }

    @Test func whatIsAlikeIsShownWhenItIsWanted() throws {
        let legacy = ["compare", "--replay", "LegacyFixtures/happy-private-profit", "--plan", "Migrations/Plans/legacy.yaml"]
        let alike = try Lockstep.run(legacy)
        #expect(alike.code == 0)
        #expect(alike.output == "1 registration replayed on both paths, 0 differ\npass --all to see what both paths did\n")
        let all = try Lockstep.run(legacy + ["--all"])
        #expect(all.code == 0)
        #expect(all.output.contains("R-900001: 0 differences"))
        #expect(all.output.contains("registration.submit") && !all.output.contains("on which both did the same"))
        let two = ["compare", "--replay", "LegacyFixtures/happy-private-profit", "LegacyFixtures/happy-non-profit", "--format", "json"]
        #expect(try Lockstep.run(two).json?["registrations"]?.array?.count == 2)
        #expect(try Lockstep.run(two + ["--entity", "R-900001"]).json?["registrations"]?.array?.count == 1)
    }

    @Test func itFitsTheTerminal() throws {
        for (columns, most) in [("80", 80), ("7", 60), ("wide", 120)] {
            let process = try Lockstep.process(["compare", "--replay", "LegacyFixtures/happy-private-profit"])
            process.environment = ProcessInfo.processInfo.environment.merging(["COLUMNS": columns]) { $1 }
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            process.waitUntilExit()
            let lines = text.split(separator: "\n")
            #expect(lines.count > 20)
            #expect(lines.map(\.count).max() ?? 0 <= most && lines.map(\.count).max() ?? 0 > most - 20)
        }
    }

    @Test func whatCannotBeReplayedIsRefused() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let folder = "LegacyFixtures/happy-private-profit"
        for more in [["--minimize", "x"], ["--evidence", "x"], ["--strict"], ["--database", "x"]] {
            #expect(try Lockstep.run(["compare", "--replay", folder] + more).code == 2)
        }
        #expect(try Lockstep.run(["compare", "--replay"]).code == 2)
        #expect(try Lockstep.run(["compare", "--replay", "--of", "x"]).code == 2)
        #expect(try Lockstep.run(["compare", folder, "--all"]).code == 2)
        let nobody = try Lockstep.run(["compare", "--replay", folder, "--entity", "R-1"])
        #expect(nobody.code == 2)
        #expect(nobody.error.contains("--entity: expected a registration of these inputs, one of R-900001, found R-1"))
    }
}
