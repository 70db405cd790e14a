import Events
import Foundation
import Outcomes
import Testing
import crash_points

/// Every port call of a run is a place to die at; a real process dies at each, and nobody can tell afterwards.
@Suite(.serialized) struct CrashPointTests {
    @Test(arguments: ["OwnershipStore", "RecordStore", "EffectLedger", "WorkflowStore", "EffectPort"])
    func everyMethodOfAPortHasANumber(port: String) throws {
        let methods = try PortSources.methods(of: port)
        let numbered = PortCall.allCases.map(\.rawValue).filter { $0.hasPrefix(port + ".") }
        #expect(!methods.isEmpty, "expected protocol \(port) in the sources, found none")
        for method in methods where !numbered.contains(method) {
            Issue.record("\(method) has no number; give it a case in PortCall and a line in NumberedPorts")
        }
        for case let method in numbered where !methods.contains(method) {
            Issue.record("\(method) is no method of the port any more; remove its case from PortCall")
        }
    }

    @Test func aMethodIsFoundWhateverItsParameters() {
        let body =
            "/// A func of(no: kind).\nfunc a(_ b: (C) throws -> Void, d e: [F: G]) async throws -> H?\n    func i() async\n    func j()\n"
        #expect(PortSources.methods(in: body) == ["a(_:d:)", "i()"])
    }

    @Test func anUndisturbedRunCallsWhatThePipelineUses() async throws {
        let calm = try await Calm.run()
        for call in PortCall.allCases {
            let (before, after) = (calm.count(call, .before), calm.count(call, .after))
            if let reason = call.unusedBecause {
                #expect(before == 0, "\(call.rawValue): expected no call, because \(reason); found \(before)")
            } else {
                #expect(before > 0, "\(call.rawValue): expected the workload to call it, found no call; extend the workload")
            }
            #expect(after == (call.hasConsequences ? before : 0), "\(call.rawValue)")
        }
        print(calm.table)
    }

    @Test func theWorkloadMakesEveryMove() async throws {
        let books = try await Calm.run().books
        #expect(books.breaches(beside: books) == [])
        let moves = [
            "adoptions": 1, "duplicates": 1, "failed": 1, "failures": 1, "late": 1, "parked": 1, "recalls": 2, "segmentsWentOn": 1,
            "sweeps": 1,
        ]
        for (name, count) in moves { #expect(books.counters[name] == count, "\(name)") }
        for name in ["handOffs", "handBacks", "signalled"] { #expect(books.counters[name, default: 0] > 5, "\(name)") }
        #expect(books.deadLetters == ["failed": 1, "unknown-entity": 1])
    }

    @Test func nobodyCanTellWhereAProcessWasKilled() async throws {
        let calm = try await Calm.run()
        let points = Self.chosen ?? Array(1...calm.points.count)
        try await sweep(points.map { Sweep.Kill(first: $0) }, calm)
    }

    /// Parties that do a thing twice when they are asked twice: every tenth point, and every call of theirs.
    @Test(arguments: [.answersLookUps, .neither] as [PartyKind]) func whateverTheOutsideDoesWithKnownKeys(parties: PartyKind) async throws {
        let calm = try await Calm.run(parties)
        let points = calm.points.filter { $0.number.isMultiple(of: 10) || [.perform, .partyReply].contains($0.call) }.map(\.number)
        try await sweep((Self.chosen ?? points).map { Sweep.Kill(first: $0) }, calm)
    }

    @Test func norThatTheNextOneWasKilledToo() async throws {
        let calm = try await Calm.run()
        let seed = ProcessInfo.processInfo.environment["LOCKSTEP_SEED"].flatMap { UInt64($0) } ?? 1
        var random = SeededRandom(seed: seed, label: "second kills")
        let kills = (0..<60).map { _ in
            Sweep.Kill(first: Int.random(in: 1...calm.points.count, using: &random), second: Int.random(in: 1...60, using: &random))
        }
        print("second kills: seed \(seed)")
        try await sweep(kills, calm)
    }

    /// The points of `LOCKSTEP_POINTS`, for example `512,513`, to look at some alone.
    private static let chosen = ProcessInfo.processInfo.environment["LOCKSTEP_POINTS"]
        .map { $0.split(separator: ",").compactMap { Int($0) } }

    private func sweep(_ kills: [Sweep.Kill], _ calm: Calm) async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let start = ContinuousClock.now
        let findings = try await Sweep(calm: calm, folder: folder).run(kills)
        let (failures, unreached) = (findings.compactMap(\.failure), findings.count { !$0.isReached })
        print("\(kills.count) kills in \(ContinuousClock.now - start): \(failures.count) failures, \(unreached) second kills after the end")
        for failure in failures.prefix(20) { Issue.record("\(failure)") }
        #expect(failures.count <= 20, "the first 20 of \(failures.count) failures are shown")
        #expect(unreached < max(1, kills.count / 2), "too few second kills were reached")
    }
}

extension Calm {
    fileprivate func count(_ call: PortCall, _ side: CrashPoint.Side) -> Int { points.count { $0.call == call && $0.side == side } }

    /// How many points there are, by call.
    fileprivate var table: String {
        let rows = PortCall.allCases.map { call in
            let reason = call.unusedBecause.map { " (\($0))" } ?? ""
            return "  \(count(call, .before)) before, \(count(call, .after)) after \(call.rawValue)\(reason)"
        }
        return (["\(points.count) points"] + rows).joined(separator: "\n")
    }
}
