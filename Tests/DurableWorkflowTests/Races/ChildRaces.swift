import BridgeTesting
import DurableWorkflow
import Events
import Testing

/// Parents and children.
enum ChildRaces {
    static func found(_ answer: Race, _ world: RaceWorld) async throws -> Race {
        if !answer["heard"].isEmpty { return try await heard(answer, world) }
        return try await answer["child"] == "requested" ? requested(answer, world) : started(answer, world)
    }

    private static func started(_ answer: Race, _ world: RaceWorld) async throws -> Race {
        let ending = answer["parent"]
        try await world.start("parent", .string(answer["policy"] + " wait"), world.options(ending))
        if answer["child"] == "closed" { try await world.signal("end", "completed", to: "w-child") }
        try await world.close(ending)
        return answer.with(["became": .string(try await world.status("w-child"))])
    }

    private static func requested(_ answer: Race, _ world: RaceWorld) async throws -> Race {
        try await world.start("parent", .string(answer["policy"] + " " + answer["parent"]))
        try await world.signal("ask", 1)
        return answer.with(["became": .string(try await world.status("w-child"))])
    }

    private static func heard(_ answer: Race, _ world: RaceWorld) async throws -> Race {
        let plan = answer["heard"]
        try await world.start("listener", .string(plan))
        if plan == "retried" { try await world.pass(.seconds(1)) } else { try await world.close(plan, "w-child") }
        if plan == "continuedAsNew" { try await world.signal("end", "completed", to: "w-child") }
        let ends = ["COMPLETED", "FAILED", "CANCELED", "TERMINATED", "TIMED_OUT", "CONTINUED_AS_NEW"].map {
            "CHILD_WORKFLOW_EXECUTION_" + $0
        }
        let events = try await world.kinds().filter(ends.contains)
        return answer.with([
            "saw": try await world.scenario.result("w") ?? .null, "events": .array(events.map { .string($0) }),
        ])
    }
}
