import Events
import Foundation

/// Personal data that is planted wherever a sender could write it, and looked for wherever it must not come out.
enum Markers {
    static let names = ["Zoltan Markerfield", "MARKERFIELD, Zoltan"]
    static let taxIDs = ["98-7654321", "987654321", "98 7654321"]
    static let phones = ["+12125550142", "(212) 555-0142", "212.555.0142", "1-212-555-0142", "212 555 0142", "+1 212/555 0142"]
    static let mails = ["zoltan.markerfield@example.test", "zoltan.markerfield (at) example.test"]
    static let addresses = ["742 Evergreenmark Terrace"]
    static let all = names + taxIDs + phones + mails + addresses

    /// All of them as one free text.
    static let text = all.joined(separator: "; ")

    /// What of them stands in `bytes`, as it is or in base64: none of these texts comes from anywhere else.
    static func found(in bytes: Data) -> [String] {
        let text = String(decoding: bytes, as: UTF8.self)
        return search(text) + decoded(text).flatMap(search)
    }

    private static func search(_ text: String) -> [String] {
        let lower = text.lowercased()
        let needles = ["zoltan", "markerfield", "evergreenmark", "7654321", "5550142", "555-0142", "555.0142", "555 0142", "555-01-42"]
        return needles.filter { lower.contains($0) }
    }

    /// The contents of the words that are base64, as histories have their payloads.
    private static func decoded(_ text: String) -> [String] {
        text.split { !($0.isASCII && ($0.isLetter || $0.isNumber || "+/=".contains($0))) }.filter { $0.count >= 12 && $0.count % 4 == 0 }
            .compactMap { Data(base64Encoded: String($0)).map { String(decoding: $0, as: UTF8.self) } }
    }

    // MARK: Planting

    /// The same delivery with markers in every member that a person could have filled in, and in many more that no machine reads.
    static func planted(_ line: TraceLine) -> TraceLine {
        guard line.body.string == nil else { return line }
        var line = line
        line.body = planted(line.body)
        return line
    }

    private static func planted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements): return .array(elements.map(planted))
        case .object(let members):
            var planted = members.mapValues(planted)
            for (index, name) in fields.enumerated() where planted[name] == nil { planted[name] = .string(all[index % all.count]) }
            for name in texts { planted[name] = .string("\(members[name]?.string ?? ""); \(text)") }
            for (name, value) in planted where name == "operator" || name == "changes" {
                planted[name] = name == "operator" ? .string(names[0]) : change(value)
            }
            return .object(planted)
        default: return value
        }
    }

    /// An edit's new values are personal; its fields are not.
    private static func change(_ value: JSONValue) -> JSONValue {
        .object((value.object ?? [:]).filter { !fields.contains($0.key) && !texts.contains($0.key) }.mapValues { _ in .string(text) })
    }

    private static let fields = [
        "firstName", "lastName", "displayName", "companyName", "contact", "ein", "taxId", "vatNumber", "phone", "mobilePhone", "faxNumber",
        "phone_number", "callback", "from", "email", "replyTo", "street", "address", "note", "comment", "message", "errorCode", "fee",
        "rule", "currency", "errorMessage",
    ]
    private static let texts = ["description", "failureReason", "failure_reason", "FailureReason", "reason", "remarks"]

    // MARK: Lines that nobody can read

    /// Deliveries about a registration that become dead letters of every reason, and a line that is none.
    static func hostile(_ registration: String, brand: String, at time: Timestamp) -> [String] {
        let bodies: [(String, JSONValue)] = [
            ("tcr", ["eventType": "BRAND_SOMETHING", "brandId": .string(brand), "description": .string(text)]),
            ("tcr", ["eventType": "BRAND_IDENTITY_STATUS_UPDATE", "brandId": .string(brand), "brandIdentityStatus": .string(phones[0])]),
            ("tcr", ["eventType": "BRAND_IDENTITY_STATUS_UPDATE", "brandId": .string(brand), "brandIdentityStatus": "987654321"]),
            ("tcr", ["eventType": .string(phones[4]), "brandId": .string(brand)]),
            ("tcr", ["eventType": "BRAND_FEEDBACK", "brandId": .string(brand), "displayName": .string(names[0])]),
            ("tcr", ["eventType": "BRAND_ADD", "mock": true, "brandId": .string(brand), "companyName": .string(names[0])]),
            ("tcr", ["eventType": "BRAND_ADD", "brandId": "B000000", "description": .string(text)]),
            ("tcr", .string("{\"eventType\":\"BRAND_ADD\",\"companyName\":\"\(names[0])\",\"ein\":\"\(taxIDs[0])\",\"pho")),
            ("tcr", .string("\(text)")), ("telnyx", .string("name=\(names[0])&phone=\(phones[0])")),
            ("twilio", [["id": .string("e-\(brand)"), "type": "a.b.c", "data": ["contact": .string(text)]]]),
            ("twilio", .string("[{\"id\":\"x\",\"data\":{\"street\":\"\(addresses[0])\"")),
            ("reviewer", ["id": "h1", "type": "profile.approved", "contact": .string(text)]),
            (
                "support",
                ["id": "h2", "type": "support.override", "registration": .string(registration), "data": ["operator": .string(names[0])]]
            ),
            (
                "customer",
                [
                    "id": "h3", "type": "registration.submit", "registration": "R-999999",
                    "data": ["entityType": .string(names[0]), "useCase": .string(taxIDs[1]), "numbers": .string(phones[0])],
                ]
            ), ("fax", ["sender": .string(text), "phone": .string(phones[1])]),
        ]
        return bodies.map { TraceLine(receivedAt: time, source: EventSource($0.0), body: $0.1).text }
            + [
                ["eventType": "BRAND_ADD", "note": .string(text)],
                ["eventType": "BRAND_ADD", "brandId": "B999999", "displayName": .string(names[0]), "description": .string(text)],
            ].map { TraceLine(receivedAt: time, source: "tcr", body: $0, lost: true).text }
    }

    /// Lines of a stream that are no deliveries.
    static let unreadable = [
        text, "{\"receivedAt\":\"\(names[0])\",\"source\":\"tcr\",\"body\":{\"phone\":\"\(phones[1])\"}}",
        "{\"source\":\"\(mails[0])\",\"body\":{\"ein\":\"\(taxIDs[0])\"",
        "{\"receivedAt\":\"2026-03-02T09:00:00.000Z\",\"source\":\"\(names[1])\"}",
    ]
}
