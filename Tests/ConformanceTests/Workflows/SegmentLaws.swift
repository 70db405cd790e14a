import BridgeTesting
import DurableWorkflow
import Events
import Outcomes
import Testing

/// Segments, on every engine.
@Suite struct SegmentLaws {
    /// A runtime that notes what it is asked to make true.
    private struct NotingRuntime: StepRuntime {
        let notes: Notes
        var isTold = true

        func perform(_ activity: DurableActivity<[String]>, on record: JSONValue, _ context: ActivityContext) async throws -> JSONValue {
            record
        }
        func enter(_ position: StepPosition, _ context: ActivityContext) async throws {
            let after = position.after.map { "after \($0.step) \($0.used) " } ?? ""
            notes.add("\(after)\(position.state) \(position.used) \(position.record.canonicalText)")
        }
        func refuse(_ refusal: StepRefusal, _ context: ActivityContext) async throws {
            notes.add("refused \(refusal.signal): \(refusal.reason)")
        }
        func end(_ end: StepEnd, _ context: ActivityContext) async throws -> StepSuccessor? {
            notes.add("end of \(end.step) \(end.used) \(end.record.canonicalText)")
            return end.next.map { StepSuccessor($0, isTold: isTold) }
        }
    }

    /// It waits for two events in two states, and refuses one.
    private static func step(_ number: StepNumber, _ letter: String) -> DurableStep<[String]> {
        DurableStep(number: number, events: ["word"], activities: [], adopts: []) { context, record in
            for state in ["FIRST", "SECOND"] {
                try await context.enter(state + letter, record)
                guard let event = try await context.wait(for: ["word"]) else { return "" }
                record.append(event.id.rawValue)
            }
            try await context.refuse(because: "enough")
            return "DONE" + letter
        }
    }

    private static let said = [
        "FIRSTA [] []", #"SECONDA ["1"] ["1"]"#, "refused 2: enough", #"end of 1 ["1", "2"] ["1","2"]"#,
        #"FIRSTB [] ["1","2"]"#, #"SECONDB ["3"] ["1","2","3"]"#, "refused 4: enough", #"end of 2 ["3", "4"] ["1","2","3","4"]"#,
    ]

    /// An end that is to be told later is told with the first wait point of the next step, or before its first wait, in whatever state.
    @Test(arguments: LawEngine.allCases, [true, false]) func anEndIsToldBeforeTheNextWait(engine: LawEngine, enters: Bool) async throws {
        let notes = Notes()
        let first = DurableStep<[String]>(number: "1", events: ["word"], activities: [], adopts: []) { context, record in
            try await context.enter("HERE", record)
            _ = try await context.wait(for: ["word"])
            record.append("end")
            return "HERE"
        }
        let second = DurableStep<[String]>(number: "2", events: ["word"], activities: [], adopts: []) { context, record in
            if enters { try await context.enter("THERE", record) }
            _ = try await context.wait(for: ["word"])
            return "DONE"
        }
        let segment = SegmentWorkflow(["1": first, "2": second], interrupts: [])
        let scenario = try engine.scenario([segment.workflow], segment.activities(NotingRuntime(notes: notes, isTold: false)))
        try await start(scenario, steps: ["1", "2"])
        for number in 1...2 { try await say(number, scenario) }
        try await scenario.run()
        #expect(try await scenario.status() == .completed)
        #expect(
            notes.all == [
                "HERE [] []", #"end of 1 ["1"] ["end"]"#, #"after 1 ["1"] \#(enters ? "T" : "")HERE [] ["end"]"#,
                #"end of 2 ["2"] ["end"]"#,
            ])
    }

    /// A step that goes on in a new run tells first what it has used: the new run does not know of it.
    @Test(arguments: LawEngine.allCases) func whatWasUsedIsToldBeforeANewRun(engine: LawEngine) async throws {
        let notes = Notes()
        let step = DurableStep<[String]>(number: "1", events: ["word"], activities: [], adopts: ["HERE"]) { context, record in
            if context.entry.state == nil { try await context.enter("HERE", record) }
            guard let event = try await context.wait(for: ["word"]) else { return "" }
            if event.id == "1" { throw StepContinuation(in: "HERE", eventAt: context.now, checkedAt: context.now) }
            return "DONE"
        }
        let segment = SegmentWorkflow(["1": step], interrupts: [])
        let scenario = try engine.scenario([segment.workflow], segment.activities(NotingRuntime(notes: notes)))
        try await start(scenario, steps: ["1"])
        for number in 1...2 { try await say(number, scenario) }
        try await scenario.run()
        #expect(try await scenario.status() == .completed)
        #expect(notes.all == ["HERE [] []", #"HERE ["1"] []"#, #"end of 1 ["2"] []"#])
    }

    private func start(_ scenario: WorkflowScenario, steps: [StepNumber], isLocal: Bool? = true) async throws {
        let entry = StepEntry(createdAt: scenario.clock.now, enteredAt: scenario.clock.now, heardAt: scenario.clock.now)
        let input = SegmentInput(entity: "e", epoch: 1, steps: steps, record: [], entry: entry, isLocal: isLocal)
        try await scenario.start(SegmentWorkflow<[String]>.type, try JSONValue(encoding: input))
    }

    private func say(_ number: Int, _ scenario: WorkflowScenario) async throws {
        try await scenario.settle()
        let event = Event(id: EventID("\(number)"), source: "test", entity: "e", kind: "word", receivedAt: scenario.clock.now)
        try await scenario.signal("word", try JSONValue(encoding: event), id: "\(number)")
    }

    /// Each is told once, whatever the engine does between; a segment that an earlier build has begun keeps the form of its history.
    @Test(arguments: LawEngine.allCases, [true, nil]) func eachEventIsToldOnce(engine: LawEngine, isLocal: Bool?) async throws {
        let notes = Notes()
        let segment = SegmentWorkflow(["1": Self.step("1", "A"), "2": Self.step("2", "B")], interrupts: [])
        let scenario = try engine.scenario([segment.workflow], segment.activities(NotingRuntime(notes: notes)))
        try await start(scenario, steps: ["1", "2"], isLocal: isLocal)
        for number in 1...4 { try await say(number, scenario) }
        try await scenario.run()
        #expect(try await scenario.status() == .completed)
        #expect(notes.all == Self.said)
        let kinds = try await scenario.kinds()
        #expect(kinds.count { $0 == (isLocal == true ? .markerRecorded : .activityTaskScheduled) } == 8)
        #expect(kinds.count { $0 == (isLocal == true ? .activityTaskScheduled : .markerRecorded) } == 0)
    }
}
