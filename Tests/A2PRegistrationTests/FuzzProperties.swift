import A2PRegistration
import Events
import Outcomes

/// What must hold for any bytes at all. The fuzz targets (Tests/fuzz.sh) and the corpus tests share it.
enum FuzzProperties {
    /// The targets by name.
    static let targets: [String: @Sendable ([UInt8]) -> String?] = [
        "tcr": { decoded($0, by: TCRDecoder()) }, "twilio": { decoded($0, by: TwilioDecoder()) },
        "telnyx": { decoded($0, by: TelnyxDecoder()) }, "decoders": { decoders($0) }, "traces": { traces($0) },
        "timestamps": { timestamps($0) }, "json": { json($0) }, "plans": { plans($0) }, "histories": { histories($0) },
        "queries": { queries($0) }, "crons": { crons($0) },
    ]

    static let at = Timestamp(milliseconds: 1_772_442_000_000)

    /// The first byte chooses the sender, the rest is the body. Nil when everything holds, else what does not.
    static func decoders(_ input: [UInt8]) -> String? {
        guard let first = input.first else { return nil }
        return decoded(Array(input.dropFirst()), by: A2PDecoders.all[Int(first) % A2PDecoders.all.count])
    }

    /// A body of one sender.
    static func decoded(_ input: [UInt8], by decoder: any WireDecoder) -> String? {
        let decoded = decoder.decode(WireMessage(source: decoder.source, bytes: input, receivedAt: at))
        if decoded.isEmpty { return "a delivery became nothing" }
        return decoded.lazy.compactMap(problem).first
    }

    private static func problem(_ decoded: DecodedMessage) -> String? {
        switch decoded {
        case .deadLetter(let letter): problem(letter)
        case .event(let incoming): problem(incoming)
        }
    }

    private static func problem(_ letter: DeadLetter) -> String? {
        if letter.detail.utf8.count > 600 || !isVisible(letter.detail, blanks: true) { return "a sentence that is long, or no sentence" }
        if letter.body.utf8.count > 100_000 { return "a dead letter keeps \(letter.body.utf8.count) bytes" }
        return isVisible(letter.id.rawValue) ? nil : "an id that cannot be shown"
    }

    private static func problem(_ incoming: IncomingEvent) -> String? {
        var ids = [incoming.id.rawValue, incoming.kind.rawValue]
        switch incoming.reference {
        case .entity(let entity): ids.append(entity.rawValue)
        case .external(let external): ids += external
        }
        if let id = ids.first(where: { !isVisible($0) || $0.utf8.count > 300 }) { return "an id of \(id.utf8.count) bytes, or not visible" }
        if incoming.occurredAt > at || !incoming.occurredAt.isPlausible { return "it happened at \(incoming.occurredAt)" }
        if let status = incoming.payload["identityStatus"]?.string,
            !["VERIFIED", "VETTED_VERIFIED", "SELF_DECLARED", "UNVERIFIED"].contains(status)
        {
            return "an identity that nobody knows"
        }
        if let record = Registration(incoming), record.numbers.count > 400 { return "\(record.numbers.count) numbers" }
        let text = incoming.payload.canonicalText
        return (try? JSONValue(parsing: text))?.canonicalText == text ? nil : "a payload that does not read back"
    }

    private static func isVisible(_ text: String, blanks: Bool = false) -> Bool {
        text.utf8.allSatisfy { (0x21...0x7E).contains($0) || (blanks && $0 == 0x20) }
    }

    /// A line that can be read can be written and read again.
    static func traces(_ input: [UInt8]) -> String? {
        guard let line = try? TraceLine(parsing: String(decoding: input, as: UTF8.self)) else { return nil }
        guard let again = try? TraceLine(parsing: line.text) else { return "a line that cannot be read back" }
        if again.text != line.text { return "a line that reads back differently" }
        return nil
    }

    /// A time that can be read can be written and read again.
    static func timestamps(_ input: [UInt8]) -> String? {
        let text = String(decoding: input, as: UTF8.self)
        if let moment = Timestamp(text), Timestamp(moment.description) != moment { return "a time that does not read back" }
        let number = input.prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
        let moment = Timestamp(milliseconds: number)
        if Timestamp(moment.description) != moment { return "\(number) does not read back" }
        let values: [JSONValue] = [.string(text), .integer(Int(number)), .number(Double(bitPattern: UInt64(bitPattern: number)))]
        if let odd = values.compactMap({ Timestamp(sent: $0) }).first(where: { !$0.isPlausible }) { return "\(odd) is not plausible" }
        let sum = moment + .milliseconds(number) + .seconds(number)
        return Timestamp(sum.description) == sum ? nil : "a sum that does not read back"
    }

    /// A document that can be read can be written and read again, and its numbers can be asked for.
    static func json(_ input: [UInt8]) -> String? {
        guard let value = try? JSONValue(parsing: input, within: .wire) else { return nil }
        _ = (value.integer, value.truth, WireID.read(value), Timestamp(sent: value))
        let text = value.canonicalText
        guard let again = try? JSONValue(parsing: text) else { return "a document that cannot be read back" }
        return again.canonicalText == text ? nil : "a document that reads back differently"
    }
}
