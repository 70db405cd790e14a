package import Lockstep

// A registration service in another language keeps the machine and its records; one step of it is durable here.

/// What the durable step needs of the service's record. The rest of it is the service's own, and stays.
package struct Registration: Codable, Hashable, Sendable {
    package var name: String
    package var score: Int?
}

let requestVetting = DurableActivity<Registration>("vetting.request") { try await $1.perform("vetting.request", step: "5.2") }

package let vettingStep = DurableStep<Registration>(number: "5.2", events: ["vetting.completed"], activities: [requestVetting]) {
    context, registration in
    try await context.perform(requestVetting, on: &registration)
    let answer = try await context.wait(for: ["vetting.completed"], timeout: .days(7))
    registration.score = answer?.payload["score"]?.integer
}

package func registrations(at url: String) throws -> Domain<ServiceState, Registration> {
    Domain(
        service: try HTTPLegacy(url, timeout: .seconds(2)), machine: try LegacyMachine(parsing: registrationMachine),
        decoders: [RegistrationDecoder()], durableSteps: [vettingStep], interrupts: ["registration.cancel"],
        birth: { $0.kind == "registration.submit" ? Registration(name: $0.payload["name"]?.string ?? "") : nil },
        outcome: { registration, state, _ in
            Outcome(status: state.rawValue.lowercased(), state: state.rawValue, facts: ["score": .integer(registration.score ?? 0)])
        })
}

package let registrationPlan = """
    plan: registrations
    version: 1
    steps:
      - { step: 1, title: Intake, stage: legacy }
      - { step: 2, title: Brand, stage: legacy }
      - { step: 3, title: Identity, stage: legacy }
      - { step: 4, title: Score, stage: legacy }
      - { step: 5, title: Use case, stage: legacy }
      - step: 5.2
        title: Vetting
        stage: durable
        added: true
        announces:
          - { effect: vetting.request, count: 1 }
          - { fact: score, change: changed }
      - { step: 6, title: Campaign, stage: legacy }
      - { step: 7, title: Provider, stage: legacy }
      - { step: 8, title: Registry, stage: legacy }
      - { step: 9, title: Carriers, stage: legacy }
      - { step: 10, title: Numbers, stage: legacy }
    """

package struct RegistrationDecoder: WireDecoder {
    package let source: EventSource = "desk"

    package func decode(_ message: WireMessage) -> [DecodedMessage] {
        guard let body = try? JSONValue(parsing: message.body), let id = body["id"]?.string, let kind = body["kind"]?.string,
            let registration = body["registration"]?.string
        else {
            let letter = DeadLetter(
                id: message.derivedID(content: message.body), source: source, reason: .malformed,
                detail: "expected id, kind and registration", body: message.body, receivedAt: message.receivedAt)
            return [.deadLetter(letter)]
        }
        return [
            .event(
                IncomingEvent(
                    id: EventID(id), source: source, reference: .entity(EntityID(registration)), kind: EventKind(kind),
                    payload: body["payload"] ?? [:], receivedAt: message.receivedAt))
        ]
    }
}
