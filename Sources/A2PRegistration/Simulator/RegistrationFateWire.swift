import Events

/// How the outside's words look on the wire, and what goes wrong with them on the way.
extension RegistrationFate {
    mutating func house(_ source: String, _ type: String, _ data: JSONValue = [:], at moment: Timestamp) -> TraceLine {
        let id = "\(source.prefix(1))-\(entity)-\(StableHash.hexadecimal("\(type) \(moment.milliseconds)").prefix(8))"
        return TraceLine(
            receivedAt: moment, source: EventSource(source),
            body: ["id": .string(id), "type": .string(type), "registration": .string(entity.rawValue), "data": data])
    }

    mutating func tcr(_ type: String, _ more: JSONValue = [:], after delay: ClosedRange<Duration>, _ now: Timestamp) -> [TraceLine] {
        var body = more.object ?? [:]
        body["eventType"] = .string(type)
        body["cspId"] = "S000001"
        if type.hasPrefix("BRAND") || type.hasPrefix("EVP") { body["brandId"] = .string(SyntheticIDs.brand(entity)) }
        if type.hasPrefix("EVP") { body["vettingId"] = .string(SyntheticIDs.vetting(entity)) }
        if type.contains("CAMPAIGN") { body["campaignId"] = .string(SyntheticIDs.campaign(entity)) }
        return deliver(.object(body), source: "tcr", at: now + random.duration(delay))
    }

    mutating func twilio(_ what: String, _ index: Int, after delay: ClosedRange<Duration>, _ now: Timestamp) -> [TraceLine] {
        let moment = now + random.duration(delay)
        let status = ["pending": "pending_registration", "successful": "registered", "failed": "failure"][what] ?? what
        var data: [String: JSONValue] = [
            "phonenumbersid": .string(SyntheticIDs.numberSid(entity, index: index)), "externalstatus": .string(status),
            "timestamp": .integer(Int(moment.milliseconds)),
        ]
        if what == "failed" { data["failurereason"] = "30126" }
        let envelope: JSONValue = [
            "specversion": "1.0", "type": .string("com.twilio.messaging.compliance.number-registration.\(what)"), "source": "/v1/events",
            "id": .string("EZ\(StableHash.hexadecimal("\(entity) \(index) \(what) \(moment.milliseconds)"))"),
            "time": .string(moment.description), "data": .object(data),
        ]
        return deliver([envelope], source: "twilio", at: moment)
    }

    /// One occurrence as deliveries: usually one, sometimes late, twice, or never.
    private mutating func deliver(_ body: JSONValue, source: EventSource, at moment: Timestamp) -> [TraceLine] {
        let faults = faults
        if random.chance(faults.lost) { return [TraceLine(receivedAt: moment, source: source, body: body, lost: true)] }
        let delay: Duration = random.chance(faults.delayed) ? random.duration(.seconds(10) ... .hours(4)) : .zero
        let first = TraceLine(receivedAt: moment + delay, occurredAt: delay == .zero ? nil : moment, source: source, body: body)
        guard random.chance(faults.duplicate) else { return [first] }
        let again = first.receivedAt + random.duration(.seconds(1) ... .minutes(30))
        return [first, TraceLine(receivedAt: again, occurredAt: moment, source: source, body: body)]
    }
}
