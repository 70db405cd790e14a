import Events

// Temporal's JSON form (protobuf's mapping): ids as texts of digits, durations as `1.500s`, bytes in base64, enums by name.

extension Payload {
    /// Temporal's JSON form.
    var protoJSON: JSONValue {
        var metadata = metadata
        metadata["encoding"] = encoding
        var object: JSONValue = ["metadata": .object(metadata.mapValues { .string(Base64.encode(Array($0.utf8))) })]
        if !data.isEmpty { object["data"] = .string(Base64.encode(data)) }
        return object
    }

    /// Reads Temporal's JSON form.
    init(protoJSON json: JSONValue) throws {
        var metadata: [String: String] = [:]
        for (name, value) in json["metadata"]?.object ?? [:] { metadata[name] = String(decoding: try Base64.decode(value), as: UTF8.self) }
        let encoding = metadata.removeValue(forKey: "encoding") ?? "binary/null"
        self.init(encoding: encoding, metadata: metadata, data: try json["data"].flatMap { $0.isNull ? nil : $0 }.map(Base64.decode) ?? [])
    }

    static func list(_ json: JSONValue?) throws -> [Payload] { try (json?["payloads"]?.array ?? []).map(Payload.init(protoJSON:)) }
    static func protoJSON(_ payloads: [Payload]) -> JSONValue { ["payloads": .array(payloads.map(\.protoJSON))] }
}

extension Failure {
    /// Temporal's JSON form.
    var json: JSONValue {
        var object: JSONValue = ["message": .string(message)]
        if !source.isEmpty { object["source"] = .string(source) }
        if let cause { object["cause"] = cause.json }
        if let (name, value) = info.json { object[name] = value }
        return object
    }

    /// Reads Temporal's JSON form; stack traces are left out.
    init(json: JSONValue) throws {
        self.init(
            message: json["message"]?.string ?? "", source: json["source"]?.string ?? "", info: try Info(json: json),
            cause: try json["cause"].map(Failure.init(json:)))
    }
}

extension Failure.Info {
    fileprivate var json: (String, JSONValue)? {
        switch self {
        case .none: return nil
        case .application(let type, let nonRetryable, let details, let delay):
            var object: JSONValue = ["type": .string(type), "nonRetryable": .bool(nonRetryable)]
            if !details.isEmpty { object["details"] = Payload.protoJSON(details) }
            if let delay { object["nextRetryDelay"] = .string(ProtoDuration.text(delay)) }
            return ("applicationFailureInfo", object)
        case .timeout(let type, let details):
            var object: JSONValue = ["timeoutType": .string(ProtoName.name(type.rawValue, "TIMEOUT_TYPE"))]
            if !details.isEmpty { object["lastHeartbeatDetails"] = Payload.protoJSON(details) }
            return ("timeoutFailureInfo", object)
        case .canceled(let details): return ("canceledFailureInfo", details.isEmpty ? [:] : ["details": Payload.protoJSON(details)])
        case .terminated: return ("terminatedFailureInfo", [:])
        case .server(let nonRetryable): return ("serverFailureInfo", ["nonRetryable": .bool(nonRetryable)])
        case .activity(let type, let id, let scheduled, let state):
            return (
                "activityFailureInfo",
                [
                    "activityType": ["name": .string(type)], "activityId": .string(id), "scheduledEventId": .string(String(scheduled)),
                    "retryState": .string(ProtoName.name(state.rawValue, "RETRY_STATE")),
                ]
            )
        case .childWorkflow(let type, let id, let run, let initiated, let state):
            return (
                "childWorkflowExecutionFailureInfo",
                [
                    "workflowType": ["name": .string(type)], "workflowExecution": ["workflowId": .string(id), "runId": .string(run)],
                    "initiatedEventId": .string(String(initiated)),
                    "retryState": .string(ProtoName.name(state.rawValue, "RETRY_STATE")),
                ]
            )
        }
    }

    fileprivate init(json: JSONValue) throws {
        if let info = json["applicationFailureInfo"] {
            self = .application(
                type: info["type"]?.string ?? "", nonRetryable: info["nonRetryable"]?.bool ?? false,
                details: try Payload.list(info["details"]), nextRetryDelay: try info["nextRetryDelay"].map(ProtoDuration.read))
        } else if let info = json["timeoutFailureInfo"] {
            let type = TimeoutType(rawValue: ProtoName.camel(info["timeoutType"]?.string ?? "", "TIMEOUT_TYPE")) ?? .startToClose
            self = .timeout(type, lastHeartbeatDetails: try Payload.list(info["lastHeartbeatDetails"]))
        } else if let info = json["canceledFailureInfo"] {
            self = .canceled(details: try Payload.list(info["details"]))
        } else if json["terminatedFailureInfo"] != nil {
            self = .terminated
        } else if let info = json["serverFailureInfo"] {
            self = .server(nonRetryable: info["nonRetryable"]?.bool ?? false)
        } else if let info = json["activityFailureInfo"] {
            self = .activity(
                type: info["activityType"]?["name"]?.string ?? "", id: info["activityId"]?.string ?? "",
                scheduledEventID: info["scheduledEventId"]?.integer ?? 0, retryState: RetryState(json: info["retryState"]))
        } else if let info = json["childWorkflowExecutionFailureInfo"] {
            self = .childWorkflow(
                type: info["workflowType"]?["name"]?.string ?? "", workflowID: info["workflowExecution"]?["workflowId"]?.string ?? "",
                runID: info["workflowExecution"]?["runId"]?.string ?? "", initiatedEventID: info["initiatedEventId"]?.integer ?? 0,
                retryState: RetryState(json: info["retryState"]))
        } else {
            self = .none
        }
    }
}

extension RetryState {
    init(json: JSONValue?) {
        self = RetryState(rawValue: ProtoName.camel(json?.string ?? "", "RETRY_STATE")) ?? .retryPolicyNotSet
    }
}

extension RetryPolicy {
    /// Temporal's JSON form.
    var json: JSONValue {
        var object: JSONValue = [
            "initialInterval": .string(ProtoDuration.text(initialInterval)), "backoffCoefficient": .number(backoffCoefficient),
        ]
        if let maximumInterval { object["maximumInterval"] = .string(ProtoDuration.text(maximumInterval)) }
        if maximumAttempts > 0 { object["maximumAttempts"] = .integer(maximumAttempts) }
        if !nonRetryableErrorTypes.isEmpty { object["nonRetryableErrorTypes"] = .array(nonRetryableErrorTypes.map { .string($0) }) }
        return object
    }

    /// Reads Temporal's JSON form.
    init(json: JSONValue) throws {
        var coefficient = 2.0
        if case .number(let value)? = json["backoffCoefficient"] { coefficient = value }
        if case .integer(let value)? = json["backoffCoefficient"] { coefficient = Double(value) }
        self.init(
            initialInterval: try json["initialInterval"].map(ProtoDuration.read) ?? .seconds(1), backoffCoefficient: coefficient,
            maximumInterval: try json["maximumInterval"].map(ProtoDuration.read), maximumAttempts: json["maximumAttempts"]?.integer ?? 0,
            nonRetryableErrorTypes: json["nonRetryableErrorTypes"]?.array?.compactMap(\.string) ?? [])
    }
}

/// Durations as protobuf writes them: `300s`, `0.100s`.
enum ProtoDuration {
    /// The most seconds that protobuf allows: 10,000 years.
    private static let longest: Int64 = 315_576_000_000

    static func text(_ duration: Duration) -> String {
        let milliseconds = duration.milliseconds
        let rest = milliseconds % 1000
        return rest == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds / 1000).\(String(1000 + rest).dropFirst())s"
    }

    static func read(_ json: JSONValue) throws -> Duration {
        let text = json.string ?? ""
        let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
        guard text.hasSuffix("s"), let whole = parts.first.flatMap({ Int64($0) }), parts.count <= 2 else {
            throw HistoryError("expected a duration like 1.500s, found \(text)")
        }
        guard (-longest...longest).contains(whole) else {
            throw HistoryError("expected a duration of at most \(longest)s, found \(text)")
        }
        let fraction = parts.count == 2 ? Int64((parts[1] + "000").prefix(3)) ?? 0 : 0
        return .milliseconds(whole * 1000 + (text.hasPrefix("-") ? -fraction : fraction))
    }
}

/// Enum names as protobuf writes them: `RETRY_STATE_IN_PROGRESS` is `inProgress`.
enum ProtoName {
    static func name(_ camel: String, _ prefix: String) -> String {
        prefix + "_" + camel.map { $0.isUppercase ? "_\($0)" : $0.uppercased() }.joined()
    }

    static func camel(_ name: String, _ prefix: String) -> String {
        guard name.hasPrefix(prefix + "_") else { return name.prefix(1).lowercased() + name.dropFirst() }
        let words = name.dropFirst(prefix.count + 1).split(separator: "_").map { $0.lowercased() }
        return (words.first ?? "") + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}

/// RFC 4648, with padding.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let chunk = bytes[start..<min(start + 3, bytes.count)]
            let bits = chunk.enumerated().reduce(0) { $0 | Int($1.element) << (16 - 8 * $1.offset) }
            for place in 0..<4 { text.append(place <= chunk.count ? alphabet[bits >> (18 - 6 * place) & 63] : UInt8(ascii: "=")) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The value of a character, of the plain alphabet or of the one for addresses.
    private static func value(of byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }

    static func decode(_ json: JSONValue) throws -> [UInt8] {
        guard let text = json.string else {
            throw HistoryError("expected bytes in base64, found \(json.isNull ? "null" : "another value")")
        }
        var bytes: [UInt8] = []
        var (bits, count) = (0, 0)
        for byte in text.utf8 where byte != UInt8(ascii: "=") {
            guard let value = value(of: byte) else { throw HistoryError("expected bytes in base64, found another character") }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(bits >> count & 0xFF))
            }
        }
        return bytes
    }
}
