import Events
import Outcomes
import ShadowComparator
import Testing

@Suite("Lines of recordings")
struct RecordingLineTests {
    /// Announcements with counts, with conditions on facts and on requests, for effects that are added and changed, and rules of both scopes.
    private static let comparator = Comparator(
        announcements: [
            Announcement(step: "2", place: .effect("2", "vetting.order"), count: 1...1),
            Announcement(
                step: "3", place: .effect("3", "partner.share"), count: 1...2,
                conditions: [Condition("fact/1", isNoneOf: ["0"]), Condition("billing.brandFee/n", isOneOf: ["0", "1"])]),
            Announcement(step: "1", place: .effect("1", "billing.brandFee"), change: .changed, values: ["n"]),
            Announcement(step: "1", place: .fact("fact/new"), values: ["1"], conditions: [Condition("fact/2", isOneOf: ["1", "2"])]),
        ],
        rules: [
            DifferenceRule(
                .ignored, step: "4", scope: .place(Glob("fact/3")), reason: "noise", owner: "a", signed: .distantPast,
                expires: .distantFuture),
            DifferenceRule(
                .intended, step: "4",
                scope: .parting(Parting(event: "late", state: "PENDING", step: "4", ends: ["ACTIVE": ["ACTIVE", "FAILED"]])), reason: "r",
                owner: "a", signed: .distantPast, expires: .distantFuture),
        ])

    private static func pair(_ random: inout SeededRandom) -> (control: Observation, candidate: Observation) {
        var control = Observation.random(using: &random)
        for index in control.ledger.indices where random.chance(0.2) { control.ledger[index].key.visit = 2 }
        if random.chance(0.7) { control.makeKeysUnique() }
        if random.chance(0.8) { control.deadLetters = [:] }
        for index in control.ledger.indices where random.chance(0.4) {
            control.ledger[index].reply = ["partnerId": .string("P\(index % 3)")]
        }
        if random.chance(0.3) { control.unhandled = [.init(event: "late", state: "PENDING")] }
        var candidate = control
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            guard candidate.ledger.count > 1, let mutation = Mutation.allCases.randomElement(using: &random) else { continue }
            candidate = mutation.apply(to: candidate, using: &random) ?? candidate
        }
        candidate.deviate(using: &random)
        if random.chance(0.7) { (control.waits, candidate.waits) = (waits(&random), waits(&random)) }
        return (control, candidate)
    }

    private static func waits(_ random: inout SeededRandom) -> [StepNumber: Waiting]? {
        guard random.chance(0.9) else { return nil }
        var waiting = Waiting()
        for state in ["A", "B", "C"] where random.chance(0.6) { waiting.note(state, for: random.duration(.zero ... .hours(9))) }
        return ["2": waiting, "3": waiting]
    }

    private static func compare(_ control: [UInt8], _ candidate: [UInt8], _ comparator: Comparator = comparator) -> LineComparison {
        var lines = LineComparator(comparator)
        return control.withUnsafeBytes { left in candidate.withUnsafeBytes { lines.compare(control: left, candidate: $0) } }
    }

    @Test("are compared as the observations that they were made of", arguments: UInt64(0)..<20)
    func sameVerdict(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var found: [String: Int] = [:]
        for _ in 0..<500 {
            let (control, candidate) = Self.pair(&random)
            let expected = Self.comparator.compare(control: control, candidate: candidate)
            switch Self.compare(control.recordingLine, candidate.recordingLine) {
            case .compared(let comparison):
                try #require(comparison == expected, "\(control)\n\(candidate)")
                found[comparison.verdict.rawValue, default: 0] += 1
            case .matched:
                try #require(expected.differences.isEmpty && expected.times.isEmpty)
                found["same", default: 0] += 1
            case .unreadable(let problem, let other): Issue.record("\(String(describing: problem)) \(String(describing: other))")
            }
        }
        #expect(found.values.allSatisfy { $0 > 5 } && found.count == 4, "\(found)")
    }

    @Test("say what was recorded, also with blanks and with members in another order")
    func foreign() throws {
        let line = #"""
            { "state": "ACTIVE", "entity": "Ü/1", "waits": {"5.2": [{"state": "A", "milliseconds": 10}]}, "effects": [{"ids": {"brandId": "B1"},
            "request": {"a": 1.50}, "key": "5.2#2/bank.pay/3"}], "facts": {"é": null}, "status": "done", "visits": {"5.2": 2}, "failures": {"1": 1},
            "deadLetters": {"late": 1}, "unhandled": [{"state": "A", "event": "e"}]}
            """#
        let read = try Observation(recordingLine: Array(line.utf8), path: "legacy")
        #expect(read.entity == "Ü/1")
        #expect(read.outcome == Outcome(status: "done", state: "ACTIVE", facts: ["é": .null]))
        #expect(read.ledger.map(\.key.description) == ["Ü/1/5.2#2/bank.pay/3"])
        #expect(read.ledger.map(\.request) == [["a": .number(1.5)]])
        #expect(read.visits == ["5.2": 2] && read.failures == ["1": 1] && read.deadLetters == ["late": 1])
        #expect(read.waits?["5.2"]?.states == ["A"] && read.waits?["5.2"]?.time == .milliseconds(10))
        #expect(read.unhandled == [.init(event: "e", state: "A")])
        #expect(try Observation(recordingLine: read.recordingLine, path: "legacy") == read)
    }

    @Test(
        "that say nothing are refused, also when both sides have the same",
        arguments: [
            "", "[]", "{", #"{"entity":"R"}"#, #"{"entity":"","status":"a","state":"b","facts":{},"effects":[]}"#,
            #"{"entity":"R","status":"a","state":"b","facts":{},"effect":[],"effects":[]}"#,
            #"{"entity":"R","status":"a","state":"b","facts":{},"effects":[{"key":"1/a/1"}]}"#,
            #"{"entity":"R","status":"a","state":"b","facts":{},"effects":[{"key":"1/a","request":{}}]}"#,
            #"{"entity":"R","status":"a","state":"b","facts":{},"effects":[{"key":"x/1/a/1","request":{}}]}"#,
            #"{"entity":"R","status":"a","state":"b","facts":{},"effects":[{"key":"1/a/1","request":{},"ids":{"id":1}}]}"#,
            #"{"entity":"R","status":"a","state":"b","facts":{},"effects":[{"key":"1/a/1","request":01}]}"#,
            #"{"entity":"R","status":"a","state":"b","facts":{},"effects":[],"visits":{"x":1}}"#,
            #"{"entity":"R","status":"a","state":"b","facts":{},"effects":[],"visits":{"5":-1}}"#,
            #"{"entity":"R","status":"a","state":"b","facts":{},"effects":[],"waits":{"5":[{"state":"A"}]}}"#,
            #"{"entity":"R","status":"a","state":"b","facts":{},"effects":[],"waits":{}} x"#,
        ])
    func refused(line: String) {
        guard case .unreadable(.some, .some) = Self.compare(Array(line.utf8), Array(line.utf8)) else {
            Issue.record("expected two lines that cannot be read")
            return
        }
    }

    /// What the scan accepts without decoding has to be what the decoder reads.
    @Test("that are damaged are refused, or say the same to the scan and to the decoder", arguments: UInt64(0)..<10)
    func damaged(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var accepted = 0
        for _ in 0..<1000 {
            var line = Self.pair(&random).control.recordingLine
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let index = Int.random(in: line.indices, using: &random)
                switch Int.random(in: 0...2, using: &random) {
                case 0: line[index] = Array(#"{}[]",:\0-.e19a /# "#.utf8).randomElement(using: &random) ?? 0
                case 1: line.remove(at: index)
                default: line.insert(line[Int.random(in: line.indices, using: &random)], at: index)
                }
            }
            let isReadable = (try? Observation(recordingLine: line, path: "legacy")) != nil
            if case .unreadable = Self.compare(line, line) {
                #expect(!isReadable, "\(String(decoding: line, as: UTF8.self))")
            } else {
                #expect(isReadable, "\(String(decoding: line, as: UTF8.self))")
                accepted += 1
            }
        }
        #expect(accepted > 100 && accepted < 900, "\(accepted)")
    }
}

extension Observation {
    /// Each key is there once, as in a ledger.
    fileprivate mutating func makeKeysUnique() {
        var known: Set<EffectKey> = []
        ledger = ledger.filter { known.insert($0.key).inserted }
        // A mutation takes one of at least two.
        while ledger.count < 2 { ledger.append(.entry("8", "filler.effect", ledger.count + 1)) }
    }

    /// What a durable path may have done otherwise, on purpose or by mistake.
    fileprivate mutating func deviate(using random: inout SeededRandom) {
        if random.chance(0.5) { visits = ["2": Int.random(in: 1...2, using: &random), "3": 1] }
        if random.chance(0.3) { ledger.append(.entry("2", "vetting.order", 7)) }
        if random.chance(0.3) { ledger.append(.entry("3", "partner.share", 8, request: ["n": 1])) }
        if random.chance(0.1), let last = ledger.indices.last { ledger[last].key.visit = 2 }
        if random.chance(0.1) { outcome.facts["fact/\"1\""] = "é" }
        if random.chance(0.2) { rename() }
    }

    /// Other ids, in replies and in what was made of them.
    private mutating func rename() {
        for index in ledger.indices {
            guard let id = ledger[index].reply["partnerId"]?.string else { continue }
            ledger[index].reply = ["partnerId": .string("Q" + id)]
        }
    }
}
