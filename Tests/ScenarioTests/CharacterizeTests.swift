import Events
import Foundation
import LegacyFixtures
import Testing

/// `lockstep characterize`, as a process.
@Suite struct CharacterizeTests {
    private static let plan = "Migrations/Plans/brand-durable.yaml"

    private func inFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "lockstep-characterize-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func tests(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { "\(folder)/\($0)" }
    }

    /// The step that was written by hand does in every test what legacy does; and the tests go every way, and show the bugs.
    @Test(arguments: ["2", "3", "5"]) func theTestsOfAStepSayWhatLegacyDoes(step: String) throws {
        try inFolder { folder in
            let made = try Lockstep.run(["characterize", step, "--output", folder, "--format", "json"])
            let json = try #require(made.json, "\(made.error)")
            let (caught, expressible) = (try #require(json["caught"]?.integer), try #require(json["expressible"]?.integer))
            #expect(Double(caught) >= 0.95 * Double(expressible), "\(json["survivors"]?.canonicalText ?? "")")
            #expect(made.code == (caught == expressible ? 0 : 1))
            try expectEveryWay(in: json)
            let tests = try tests(in: folder)
            #expect(tests.count == json["tests"]?.array?.count)
            for test in tests {
                let legacy = try Lockstep.run(["run", test, "--mode", "legacy"])
                #expect(legacy.code == 0, "\(legacy.output)\(legacy.error)")
            }
            let compared = try Lockstep.run(["compare", "--strict", "--plan", Self.plan, "--format", "json"] + tests)
            let failing = compared.json?["failing"]?.array?.compactMap(\.string) ?? []
            #expect(failing.allSatisfy { Self.ties.contains(($0 as NSString).lastPathComponent) }, "\(compared.output)")
            #expect(compared.json?["compared"]?.integer == tests.count)
        }
    }

    /// In this one a look falls on the very moment of the message that it looks for; which comes first is chance.
    private static let ties = ["3-5"]

    private func expectEveryWay(in json: JSONValue) throws {
        let tests = json["tests"]?.array ?? []
        for cell in json["cells"]?.array ?? [] {
            for target in (cell["led"]?.object ?? [:]).keys {
                let isTested = tests.contains { test in
                    (test["passages"]?.array ?? []).contains {
                        $0["state"] == cell["state"] && $0["event"] == cell["event"] && $0["target"] == .string(target)
                    }
                }
                #expect(isTested, "\(cell.canonicalText) to \(target)")
            }
        }
    }

    @Test func theSameRecordingsMakeTheSameTests() throws {
        let runs = try (0..<3).map { _ in try Lockstep.run(["characterize", "2", "--format", "json"]).output }
        #expect(Set(runs).count == 1 && runs[0].contains("\"tests\""))
    }

    /// Without a changed delivery nobody ever looks: a webhook that is lost is in no recording of these.
    @Test func whatNoRecordingHasIsMadeOfOne() throws {
        let recordings = ["happy-private-profit", "second-unverified"].map { "\(LegacyFixtures.folder)/\($0)" }
        func looks(_ arguments: [String]) throws -> [JSONValue] {
            let json = try #require(try Lockstep.run(["characterize", "4"] + recordings + arguments + ["--format", "json"]).json)
            return (json["cells"]?.array ?? []).filter { $0["event"] == "timer.repoll" && $0["state"] == "BRAND_PENDING_IDENTITY" }
        }
        #expect(try looks(["--no-variations"]).isEmpty)
        #expect(try looks([]).first?["led"]?["BRAND_VERIFIED"] == 0)
    }

    @Test func whatCannotBeCharacterizedIsRefused() throws {
        let unknown = try Lockstep.run(["characterize", "5.2"])
        #expect(unknown.code == 2 && unknown.error.contains("expected a step of the legacy machine, one of 1, 2, 3"))
        let elsewhere = try Lockstep.run(["characterize", "9", "\(LegacyFixtures.folder)/cancelled-in-brand-submission"])
        #expect(elsewhere.code == 1 && elsewhere.error.contains("step 9: expected recordings that come to it, found none among 1"))
        try inFolder { folder in
            let first = ["characterize", "5", "\(LegacyFixtures.folder)/happy-government", "--no-variations", "--output", folder]
            #expect(try Lockstep.run(first).output.contains("Written to \(folder)"))
            let second = try Lockstep.run(first)
            #expect(second.code == 2 && second.error.contains("expected no tests of step 5, found 5-1"))
        }
    }
}

/// A comparison that leaves nothing out.
@Suite struct StrictComparisonTests {
    @Test func everyFixtureIsTheSameInEveryMemberAndInTime() throws {
        let result = try Lockstep.run(
            ["compare", "--strict", "--plan", "Migrations/Plans/all-durable.yaml", "--format", "json"])
        #expect(result.code == 0, "\(result.output)")
        #expect(result.json?["mismatched"] == 0 && result.json?["slower"] == [])
        // What legacy waits for in step 6, it has when step 5.2 is over.
        let six = result.json?["times"]?.array?.first { $0["step"] == "6" }
        #expect(six?["longer"] == 0 && (six?["shorter"]?.integer ?? 0) > 80)
    }

    @Test func aDatabaseAsItStandsIsNotComparedStrictly() throws {
        let result = try Lockstep.run(["compare", "--of", "work.sqlite", "--strict"])
        #expect(result.code == 2 && result.error.contains("--strict compares each input by itself"))
    }
}
