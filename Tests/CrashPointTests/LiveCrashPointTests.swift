import Events
import Foundation
import Outcomes
import Testing
import crash_points

/// A live service of 64 lanes dies at a port call while others are under way, and nobody can tell afterwards.
///
/// Each run takes another way through its calls, so the places are drawn and not counted off. `LOCKSTEP_LIVE_KILLS` says how many for each kind
/// of party, `LOCKSTEP_SEED` makes other draws.
@Suite(.serialized) struct LiveCrashPointTests {
    @Test(arguments: PartyKind.allCases) func nobodyCanTellWhereAServiceWasKilled(parties: PartyKind) async throws {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["LOCKSTEP_LIVE_KILLS"].flatMap(Int.init) ?? 40
        var random = SeededRandom(seed: environment["LOCKSTEP_SEED"].flatMap(UInt64.init) ?? 1, label: "live \(parties)")
        let calm = try await Calm(parties, isLive: true)
        #expect(calm.books.breaches(beside: calm.books).map(\.description) == [])
        #expect(calm.books.counters["recalls"] == 1 && calm.books.counters["handOffs"] == 24 && calm.books.counters["duplicates"] == 72)
        let kills = (0..<count).map { number in
            Sweep.Kill(
                first: Int.random(in: 1...calm.points.count, using: &random),
                second: number.isMultiple(of: 4) ? Int.random(in: 1...calm.points.count / 4, using: &random) : nil)
        }
        let folder = try Folder()
        defer { folder.remove() }
        let findings = try await Sweep(calm: calm, folder: folder).run(kills)
        let (failures, unreached) = (findings.compactMap(\.failure), findings.count { !$0.isReached })
        print(
            "live: \(calm.points.count) points, \(count) kills, \(failures.count) failures, \(unreached) after the end; parties: \(parties)"
        )
        for failure in failures.prefix(5) { Issue.record("\(failure)") }
        #expect(failures.count <= 5, "the first 5 of \(failures.count) failures are shown")
        #expect(unreached < max(1, count / 2), "too few kills were reached")
    }
}
