package import Lockstep

// What arrives, in the sender's own form.

package struct ClaimDecoder: WireDecoder {
    package let source: EventSource = "depot"

    package init() {}

    package func decode(_ message: WireMessage) -> [DecodedMessage] {
        guard let body = try? JSONValue(parsing: message.body), let id = body["id"]?.string, let kind = body["kind"]?.string,
            let claim = body["claim"]?.string
        else {
            let letter = DeadLetter(
                id: message.derivedID(content: message.body), source: source, reason: .malformed, detail: "expected id, kind and claim",
                body: message.body, receivedAt: message.receivedAt)
            return [.deadLetter(letter)]
        }
        return [
            .event(
                IncomingEvent(
                    id: EventID(id), source: source, reference: .entity(EntityID(claim)), kind: EventKind(kind),
                    receivedAt: message.receivedAt))
        ]
    }
}
