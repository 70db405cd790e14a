import BareMetal
import LockstepApp
import Testing

/// A machine of 30 states that goes round: cleaning is durable each time a node comes to it.
@Suite struct BareMetalTests {
    private func play(_ verbs: [String]) async throws -> AppRun<NodeState, Node> {
        let app = LockstepApp("bare-metal", domain: nodes, effects: nil, plan: .text(nodePlan, name: "nodes.yaml"))
        let run = try AppRun(app, RunOptions(mode: .hybrid, plan: try app.plan.read(), database: ":memory:"))
        let lines = verbs.enumerated().map { index, verb in
            TraceLine(
                receivedAt: Timestamp(milliseconds: 1_772_442_000_000) + .minutes(index), source: "conductor",
                body: ["id": .string("v\(index)"), "node": "N-1", "verb": .string(verb)])
        }
        try await run.play(lines)
        return run
    }

    private static let round = ["enroll", "manage", "done", "provide", "resume", "done", "deploy", "done"]

    @Test func theTableIsAsLargeAsItIs() {
        #expect(NodeState.allCases.count == 30)
        #expect(verbs.count == 19)
    }

    @Test func everyCleaningIsDurable() async throws {
        let run = try await play(Self.round + ["delete", "done", "done", "deploy", "done"])
        #expect(try await run.outcomes()["N-1"]?.state == "ACTIVE")
        let counters = try await run.store.counters()
        #expect(counters["handOffs"] == 2)
        #expect(counters["handBacks"] == 2)
        let completed = try #require(try await run.store.snapshot(of: "N-1")).ownership.completions
        #expect(completed["2"] == 2)
        let effects = try await run.ledger(of: "N-1").filter { $0.owner == .durable }.map(\.key.description)
        #expect(effects == ["N-1/2/agent.cleanStep/1", "N-1/2/agent.cleanStep/2", "N-1/2#2/agent.cleanStep/3"])
    }

    @Test func aSilentAgentFailsTheCleaning() async throws {
        let run = try await play(["enroll", "manage", "done", "provide"])
        let outcome = try #require(try await run.outcomes()["N-1"])
        #expect(outcome == Outcome(status: "CLEAN_FAILED", state: "CLEAN_FAILED", facts: ["problem": "silence"]))
        #expect(try await run.store.snapshot(of: "N-1")?.ownership.owner == .legacy, "an operator may manage it again")
    }

    @Test func aNodeThatFailedIsCleanedAgain() async throws {
        let run = try await play(["enroll", "manage", "done", "provide", "abort", "manage", "provide", "hold", "unhold", "done"])
        #expect(try await run.outcomes()["N-1"]?.state == "AVAILABLE")
        #expect(try await run.store.counters()["handOffs"] == 2)
    }
}
