package import Lockstep

// Cleaning as a sequence: a clean step, the agent's word, the next one, until it is done, fails, or is given up.

let cleanStep = DurableActivity<Node>("agent.cleanStep") { node, effects in
    node.cleanings += 1
    try await effects.perform("agent.cleanStep", step: "2", ordinal: node.cleanings)
}

package let cleaningStep = DurableStep<Node>(
    number: "2", events: ["done", "fail", "wait", "resume", "abort", "hold", "unhold"], activities: [cleanStep], adopts: ["CLEANING"]
) { context, node in
    try await context.perform(cleanStep, on: &node)
    try await context.enter(NodeState.CLEANING.rawValue, node)
    while true {
        switch try await context.wait(for: ["done", "fail", "resume", "abort", "hold"], timeout: .days(1))?.kind {
        case "done": return NodeState.AVAILABLE.rawValue
        case "resume": try await context.perform(cleanStep, on: &node)
        case "hold": _ = try await context.wait(for: ["unhold"])
        case let word:
            node.lastProblem = word?.rawValue ?? "silence"
            return NodeState.CLEAN_FAILED.rawValue
        }
    }
}
