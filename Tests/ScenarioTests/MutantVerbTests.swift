import Events
import Foundation
import Testing

/// `lockstep mutants`, as a process.
@Suite struct MutantVerbTests {
    private static func run(_ arguments: String...) throws -> (code: Int32, json: JSONValue, mutants: [JSONValue]) {
        let result = try Lockstep.run(["mutants", "--format", "json"] + arguments)
        let json = try #require(result.json, "\(result.error)")
        return (result.code, json, json["mutants"]?.array ?? [])
    }

    private static func survivors(_ json: JSONValue) -> [String] { json["survivors"]?.array?.compactMap(\.string) ?? [] }

    /// Bugs of step 5.2 that nothing finds, each for a reason that the documentation gives.
    private static let known = [
        "25 step 5.2: registry.sendOTP is defined and never called", "25 step 5.2: vetting.appeal is defined and never called",
        "step 5.2: vetting.order is called with another vettingClass", "8 step 5.2: vetting.startAuthPlus is called twice",
        "7 step 5.2: vetting is not written back",
    ]

    @Test func bugsOfADurableStepAreFound() throws {
        let (code, json, mutants) = try Self.run("--side", "durable", "--explored", "1")
        #expect(code == 1)
        #expect(Self.survivors(json) == Self.known)
        #expect(json["expressible"]?.integer == mutants.count)
        #expect(json["caught"]?.integer == mutants.count - Self.known.count)
        // Legacy takes over from code that throws, and the outcome is the same.
        let throwing = try #require(mutants.first { $0["story"] == "it throws" })
        #expect(throwing["found"]?.string?.contains("failed/5.2") == true)
    }

    /// A call that is defined and never made leaves outcome and state as they were.
    @Test func onlyTheLayerOfEffectsShowsACallThatIsNeverMade() throws {
        let (code, _, mutants) = try Self.run("--only", "vetting.order is defined and never called")
        #expect(code == 0)
        #expect(mutants.map { $0["number"] } == [25])
        #expect(mutants.first?["layers"] == ["effects"])
    }

    @Test func bugsOfTheHandOffAreFoundByComparingAlone() throws {
        let (code, json, mutants) = try Self.run("--side", "handOff", "--explored", "0", "--seeds", "0")
        #expect(code == 1)
        #expect(mutants.count == 26)
        #expect(json["caught"] == 13)
        #expect(mutants.allSatisfy { $0["caughtBy"] == nil || $0["caughtBy"] == "comparator" })
    }

    @Test func theSimulationFindsWhatNeedsAnOperator() throws {
        let (code, _, mutants) = try Self.run("--only", "the recalled segment is not cancelled", "--explored", "0")
        #expect(code == 0)
        #expect(mutants.map { $0["caughtBy"] } == ["simulation"])
        #expect(mutants.first?["law"] == "I6")
    }

    @Test func cellsOfTheTableThatNobodyComesToAreListedApart() throws {
        let (code, json, mutants) = try Self.run(
            "--side", "legacy", "--only", "profile.", "--plan", "Migrations/Plans/hybrid-2-5.2.yaml")
        #expect(code == 1)
        // A look finds the rejection a day later, and times are not compared.
        #expect(Self.survivors(json) == ["step 2: nobody thinks of profile.rejected in PROFILE_PENDING_REVIEW"])
        let unreached = json["unreached"]?.array?.compactMap(\.string) ?? []
        #expect(unreached.contains("step 2: nobody thinks of profile.approved in PROFILE_REJECTED"))
        #expect(json["caught"]?.integer == mutants.count - unreached.count - 1)
        #expect(mutants.contains { $0["caughtBy"] == "explorer" })
        // A state in between is seen by the comparison of wait points alone.
        let between = mutants.first { $0["story"] == "profile.in_review leads nowhere in PROFILE_PENDING_REVIEW" }
        #expect(between?["layers"] == ["state"])
    }

    @Test func whatCannotBePutInIsRefused() throws {
        let step = try Lockstep.run(["mutants", "--step", "9"])
        #expect(step.code == 2)
        #expect(step.error.contains("expected a step that is durable"))
        #expect(try Lockstep.run(["mutants", "--only", "no such bug"]).code == 2)
        #expect(try Lockstep.run(["mutants", "--explored", "-1"]).code == 2)
    }
}
