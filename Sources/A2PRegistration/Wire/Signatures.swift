import Crypto
import Events
import FoundationEssentials

/// What senders sign their webhooks with. A sender without a secret is not verified: a recorded trace has no signatures.
public struct WebhookSecrets: Hashable, Sendable {
    /// The registry account's secret.
    public var tcr: String?
    /// Twilio's auth token.
    public var twilio: String?
    /// Telnyx' public key, base64.
    public var telnyx: String?

    /// Secrets.
    public init(tcr: String? = nil, twilio: String? = nil, telnyx: String? = nil) {
        self.tcr = tcr
        self.twilio = twilio
        self.telnyx = telnyx
    }

    /// What is wrong with them, without what they are; nil when they can be used.
    public var problem: String? {
        guard let telnyx, !TelnyxSignature(publicKey: telnyx).isUsable else { return nil }
        return "the secret of telnyx: expected a public key of 32 bytes in base64, found something else; correct it"
    }
}

/// Twilio's `X-Twilio-Signature` (A2P guide §4.1): an HMAC-SHA1 over the URL and a form's fields; of JSON the URL has the hash.
struct TwilioSignature: Sendable {
    private let key: SymmetricKey

    init(authToken: String) { key = SymmetricKey(data: Data(authToken.utf8)) }

    /// Why the delivery is not believed; nil when its signature is right.
    func refusal(of message: WireMessage) -> String? {
        guard let url = message.url, let given = message.headers["x-twilio-signature"].flatMap({ Data(base64Encoded: $0) }) else {
            return "twilio: expected a URL and an X-Twilio-Signature, found none; let the receiving edge pass both on"
        }
        if let hash = Self.bodyHash(in: url), hash.lowercased() != SHA256.hash(data: message.bytes).hexadecimal {
            return "twilio: expected a body with the hash in the URL, found another; the delivery was changed on its way"
        }
        let isForm = Self.bodyHash(in: url) == nil
        let fields = isForm ? FormBody.fields(message.bytes) ?? [] : []
        if isForm, fields.isEmpty, !message.bytes.isEmpty {
            return "twilio: expected a form, or JSON with bodySHA256 in the URL, found neither; check the webhook's settings"
        }
        let signed = Self.signed(fields)
        let isRight = Self.spellings(of: url).contains { address in
            HMAC<Insecure.SHA1>.isValidAuthenticationCode(given, authenticating: Data((address + signed).utf8), using: key)
        }
        return isRight ? nil : "twilio: expected the signature of the account's auth token, found another; check token and URL"
    }

    private static func bodyHash(in url: String) -> String? {
        url.split(separator: "?", maxSplits: 1).dropFirst().first?.split(separator: "&").first { $0.hasPrefix("bodySHA256=") }
            .map { String($0.dropFirst("bodySHA256=".count)) }
    }

    /// Fields by name; of one name each value once, in order.
    private static func signed(_ fields: [(name: String, value: String)]) -> String {
        let byName = Dictionary(grouping: fields, by: \.name).mapValues { Set($0.map(\.value)) }
        return byName.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { name, values in
            values.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { name + $0 }.joined()
        }.joined()
    }

    /// With and without the scheme's port: the sender is not of one mind about it.
    private static func spellings(of url: String) -> [String] {
        guard let scheme = url.firstRange(of: "://") else { return [url] }
        let rest = url[scheme.upperBound...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let (start, host, path) = (String(url[..<scheme.upperBound]), String(rest[..<end]), String(rest[end...]))
        let port = url.hasPrefix("https") ? ":443" : ":80"
        if host.hasSuffix(port) { return [url, start + host.dropLast(port.count) + path] }
        return host.contains(":") ? [url] : [url, start + host + port + path]
    }
}

/// The registry's `X-Registry-Signature` (A2P guide §4.2): an HMAC-SHA1 over the URL and the body in canonical form (RFC 8785).
///
/// It has neither a time nor a nonce, so it does not protect from a replay; the body is a hint that is read again.
struct TCRSignature: Sendable {
    private let key: SymmetricKey

    init(secret: String) { key = SymmetricKey(data: Data(secret.utf8)) }

    /// Why the delivery is not believed; nil when its signature is right.
    func refusal(of message: WireMessage, _ body: JSONValue) -> String? {
        guard let url = message.url, let given = message.headers["x-registry-signature"].flatMap({ Data(base64Encoded: $0) }) else {
            return "tcr: expected a URL and an X-Registry-Signature, found none; let the receiving edge pass both on"
        }
        let signed = Data((url + CanonicalJSON.text(body)).utf8)
        let isRight = HMAC<Insecure.SHA1>.isValidAuthenticationCode(given, authenticating: signed, using: key)
        return isRight ? nil : "tcr: expected the signature of the account's secret, found another; check secret and URL"
    }
}

/// Telnyx' Ed25519 signature over `timestamp|body`, good for five minutes (A2P guide §2.7).
struct TelnyxSignature: Sendable {
    private let key: Curve25519.Signing.PublicKey?

    init(publicKey: String) {
        key = Data(base64Encoded: publicKey).flatMap { try? Curve25519.Signing.PublicKey(rawRepresentation: $0) }
    }

    var isUsable: Bool { key != nil }

    /// Why the delivery is not believed; nil when its signature is right.
    func refusal(of message: WireMessage) -> String? {
        guard let key else { return "telnyx: expected a public key of 32 bytes in base64, found another; correct the configuration" }
        guard let given = message.headers["telnyx-signature-ed25519"].flatMap({ Data(base64Encoded: $0) }),
            let sent = message.headers["telnyx-timestamp"], let time = Timestamp(sent: .string(sent))
        else { return "telnyx: expected a signature and a timestamp among the headers, found none; let the receiving edge pass them on" }
        guard key.isValidSignature(given, for: Data("\(sent)|".utf8) + Data(message.bytes)) else {
            return "telnyx: expected the signature of the account's key, found another; check the public key"
        }
        let age = message.receivedAt - time
        let isFresh = age <= .minutes(5) && age >= .minutes(-5)
        return isFresh ? nil : "telnyx: expected a signature of the last five minutes, found an older one; it may be a replay"
    }
}

/// JSON as RFC 8785 writes it: members by UTF-16, the shortest escapes, numbers as ECMAScript writes them.
enum CanonicalJSON {
    static func text(_ value: JSONValue) -> String {
        switch value {
        case .object(let members):
            let sorted = members.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
            return "{" + sorted.map { "\(quoted($0.key)):\(text($0.value))" }.joined(separator: ",") + "}"
        case .array(let elements): return "[" + elements.map(text).joined(separator: ",") + "]"
        case .string(let string): return quoted(string)
        case .integer(let integer) where integer.magnitude > 1 << 53: return number(Double(integer))
        case .number(let double): return number(double)
        case .null, .bool, .integer: return value.canonicalText
        }
    }

    private static func quoted(_ string: String) -> String {
        JSONValue.string(string).canonicalText.replacing("\\u0008", with: "\\b").replacing("\\u000c", with: "\\f")
    }

    /// Whole numbers below 10²¹ have no exponent; a fraction is the shortest that reads back the same, as Swift's.
    private static func number(_ double: Double) -> String {
        if double == 0 { return "0" }
        let parts = "\(abs(double))".split(separator: "e")
        let sign = double < 0 ? "-" : ""
        guard let mantissa = parts.first else { return "0" }
        let sides = mantissa.split(separator: ".")
        let fraction = sides.count == 2 && sides[1] != "0" ? String(sides[1]) : ""
        let digits = String(sides[0]) + fraction
        let point = sides[0].count + (parts.count == 2 ? Int(parts[1]) ?? 0 : 0)
        return sign + placed(String(digits.drop { $0 == "0" }), point - digits.prefix { $0 == "0" }.count)
    }

    /// `digits` with the decimal point after `point` of them.
    private static func placed(_ digits: String, _ point: Int) -> String {
        let bare = String(digits.reversed().drop { $0 == "0" }.reversed())
        if bare.count <= point, point <= 21 { return bare + String(repeating: "0", count: point - bare.count) }
        if point > 0, point <= 21 { return bare.prefix(point) + "." + bare.dropFirst(point) }
        if point > -6, point <= 0 { return "0." + String(repeating: "0", count: -point) + bare }
        let exponent = point - 1
        let mantissa = bare.count == 1 ? bare : "\(bare.prefix(1)).\(bare.dropFirst())"
        return "\(mantissa)e\(exponent < 0 ? "-" : "+")\(abs(exponent))"
    }
}

extension Sequence<UInt8> {
    fileprivate var hexadecimal: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
