package import Lockstep

// Everything beside the domain: what arrives, and who owns what.

struct VerbDecoder: WireDecoder {
    let source: EventSource = "conductor"

    func decode(_ message: WireMessage) -> [DecodedMessage] {
        guard let body = try? JSONValue(parsing: message.body), let id = WireID.read(body["id"]), let node = WireID.read(body["node"]),
            let verb = body["verb"]?.string, verbs.contains(EventKind(verb))
        else {
            let letter = DeadLetter(
                id: message.derivedID(content: message.body), source: source, reason: .malformed, detail: "expected id, node and a verb",
                body: message.body, receivedAt: message.receivedAt)
            return [.deadLetter(letter)]
        }
        let event = IncomingEvent(
            id: EventID(id), source: source, reference: .entity(EntityID(node)), kind: EventKind(verb), receivedAt: message.receivedAt)
        return [.event(event)]
    }
}

package let nodes = Domain(
    machine: nodeMachine, sweeper: Sweeper(rules: []), decoders: [VerbDecoder()], durableSteps: [cleaningStep], interrupts: [],
    birth: { $0.kind == "enroll" ? Node() : nil }, references: { _ in [] },
    outcome: { node, state, _ in Outcome(status: state.rawValue, state: state.rawValue, facts: ["problem": .string(node.lastProblem)]) })

package let nodePlan = """
    plan: bare-metal
    version: 1
    steps:
      - { step: 1, title: Enrolment, stage: legacy }
      - { step: 2, title: Cleaning, stage: durable, announces: [{ effect: agent.cleanStep, count: 0..20 }] }
      - { step: 3, title: Deployment, stage: legacy }
      - { step: 4, title: Use, stage: legacy }
    """
