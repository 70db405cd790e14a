public import Events
import Outcomes

/// A stored move that this build cannot read.
public struct UnreadableMove: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was expected and found.
    public let description: String
}

// A move is a JSON object whose member `move` names it. Names are stored: they never change their meaning.

extension Move {
    /// The stored form.
    public var json: JSONValue {
        var members = fields
        members["move"] = .string(name)
        if let row {
            members["row"] = .integer(row.sequence)
            members["event"] = .string(row.kind.rawValue)
        }
        if !used.isEmpty { members["used"] = .array(used.map { .integer($0) }) }
        return .object(members)
    }

    /// The name under which the move is stored.
    public var name: String {
        switch self {
        case .born: "born"
        case .imported: "imported"
        case .handled: "handled"
        case .exhausted: "exhausted"
        case .ignored: "ignored"
        case .undefined: "undefined"
        case .retried: "retried"
        case .deadLettered: "deadLettered"
        case .parked: "parked"
        case .held: "held"
        case .signalled: "signalled"
        case .late: "late"
        case .dropped: "dropped"
        case .rejected: "rejected"
        case .swept: "swept"
        case .continued: "continued"
        case .drawn: "drawn"
        case .entered: "entered"
        case .completed: "completed"
        case .interrupted: "interrupted"
        case .handedOff: "handedOff"
        case .adopted: "adopted"
        case .wentOn: "wentOn"
        case .handedBack: "handedBack"
        case .recalled: "recalled"
        case .failed: "failed"
        case .performed: "performed"
        case .ended: "ended"
        case .referenceRefused: "referenceRefused"
        case .quarantined: "quarantined"
        case .released: "released"
        case .noted: "noted"
        case .delegated: "delegated"
        case .seen: "seen"
        case .acted: "acted"
        case .handOffAsked: "handOffAsked"
        }
    }

    private var fields: [String: JSONValue] {
        switch self {
        case .born(let step, let state), .entered(let step, let state, _), .adopted(let step, let state):
            ["step": Self.text(step), "state": .string(state)]
        case .imported(_, let completed, let passed):
            passed.map { ["steps": .array(completed.map(Self.text)), "passed": Self.text($0)] }
                ?? ["steps": .array(completed.map(Self.text))]
        case .handled(_, let from, let to): ["from": .string(from), "to": .string(to)]
        case .exhausted(_, let from, let to, let reason): ["from": .string(from), "to": .string(to), "reason": .string(reason)]
        case .ignored(_, let state, let reason): ["state": .string(state), "reason": .string(reason)]
        case .undefined(_, let state), .ended(let state): ["state": .string(state)]
        case .retried(_, let attempt, let at, let reason):
            ["attempt": .integer(attempt), "again": .integer(Int(at.milliseconds)), "reason": .string(reason)]
        case .deadLettered(_, let reason), .quarantined(let reason), .delegated(_, let reason): ["reason": .string(reason)]
        case .acted(let kind, let from, let to): ["on": .string(kind.rawValue), "from": .string(from), "to": .string(to)]
        case .parked(_, let step): step.map { ["step": Self.text($0)] } ?? [:]
        case .late(_, let step), .dropped(_, let step), .rejected(_, let step), .wentOn(let step), .handedBack(let step),
            .handOffAsked(let step):
            ["step": Self.text(step)]
        case .swept(let rule, let kind): ["rule": .string(rule), "sends": .string(kind.rawValue)]
        case .drawn(let step, let owner): ["step": Self.text(step), "owner": .string(owner.rawValue)]
        case .completed(let step, let visit, _): ["step": Self.text(step), "visit": .integer(visit)]
        case .interrupted(let step, let kind, _): ["step": Self.text(step), "by": .string(kind.rawValue)]
        case .handedOff(let steps): ["steps": .array(steps.map(Self.text))]
        case .recalled(let step, let reason), .failed(let step, let reason): ["step": Self.text(step), "reason": .string(reason)]
        case .performed(let key): ["key": .string(key.description)]
        case .referenceRefused(let external, let holder): ["external": .string(external), "holder": .string(holder.rawValue)]
        case .noted(let what, let detail): ["what": .string(what), "detail": .string(detail)]
        case .held, .signalled, .continued, .released, .seen: [:]
        }
    }

    private static func text(_ step: StepNumber) -> JSONValue { .string(step.description) }

    /// Reads the stored form; throws ``UnreadableMove`` for anything else.
    public init(json: JSONValue) throws {
        let form = try StoredMove(json)
        switch form.name {
        case "born": self = .born(step: try form.step("step"), state: try form.text("state"))
        case "handled": self = .handled(try form.row(), from: try form.text("from"), to: try form.text("to"))
        case "exhausted":
            self = .exhausted(try form.row(), from: try form.text("from"), to: try form.text("to"), reason: try form.text("reason"))
        case "ignored": self = .ignored(try form.row(), in: try form.text("state"), reason: try form.text("reason"))
        case "undefined": self = .undefined(try form.row(), in: try form.text("state"))
        case "retried":
            self = .retried(
                try form.row(), attempt: try form.number("attempt"), at: try form.time("again"), reason: try form.text("reason"))
        case "seen": self = .seen(try form.row())
        case "delegated": self = .delegated(try form.row(), reason: try form.text("reason"))
        case "deadLettered": self = .deadLettered(try form.row(), reason: try form.text("reason"))
        case "parked": self = .parked(try form.row(), until: form.has("step") ? try form.step("step") : nil)
        case "held": self = .held(try form.row())
        case "signalled": self = .signalled(try form.row())
        case "late": self = .late(try form.row(), after: try form.step("step"))
        case "dropped": self = .dropped(try form.row(), before: try form.step("step"))
        case "imported":
            let passed = form.has("passed") ? try form.step("passed") : nil
            self = .imported(try form.row(), completed: try form.steps("steps"), passed: passed)
        case "rejected": self = .rejected(try form.row(), before: try form.step("step"))
        default: self = try Self.ofNoRow(form)
        }
    }

    private static func ofNoRow(_ form: StoredMove) throws -> Move {
        switch form.name {
        case "swept": .swept(rule: try form.text("rule"), sends: EventKind(try form.text("sends")))
        case "continued": .continued
        case "drawn": .drawn(try form.step("step"), try form.owner("owner"))
        case "entered": .entered(try form.step("step"), state: try form.text("state"), used: try form.used())
        case "completed": .completed(try form.step("step"), visit: try form.number("visit"), used: try form.used())
        case "interrupted": .interrupted(try form.step("step"), by: EventKind(try form.text("by")), used: try form.used())
        case "handedOff": .handedOff(try form.steps("steps"))
        case "adopted": .adopted(try form.step("step"), state: try form.text("state"))
        case "acted": .acted(EventKind(try form.text("on")), from: try form.text("from"), to: try form.text("to"))
        case "handOffAsked": .handOffAsked(try form.step("step"))
        case "wentOn": .wentOn(to: try form.step("step"))
        case "handedBack": .handedBack(to: try form.step("step"))
        case "recalled": .recalled(try form.step("step"), reason: try form.text("reason"))
        case "failed": .failed(try form.step("step"), reason: try form.text("reason"))
        case "performed": .performed(try form.key("key"))
        case "ended": .ended(state: try form.text("state"))
        case "referenceRefused": .referenceRefused(try form.text("external"), holder: EntityID(try form.text("holder")))
        case "quarantined": .quarantined(reason: try form.text("reason"))
        case "released": .released
        case "noted": .noted(what: try form.text("what"), detail: try form.text("detail"))
        default: throw form.unreadable("a move that this build knows", form.name)
        }
    }
}

extension JournalEntry {
    /// The entry as JSON: `at`, `owner`, `epoch`, the members of the move, and `what` and `detail` as they read for people.
    public var json: JSONValue {
        move.json.merging([
            "entity": .string(entity.rawValue), "at": .string(at.description), "owner": .string(owner.rawValue), "epoch": .integer(epoch),
            "what": .string(what), "detail": .string(detail),
        ])
    }
}

/// The members of a stored move, each read with a sentence that says what is wrong with it.
private struct StoredMove {
    let json: JSONValue
    let name: String

    init(_ json: JSONValue) throws {
        guard let name = json["move"]?.string else {
            throw UnreadableMove(description: "a move: expected an object with member move, found none")
        }
        self.json = json
        self.name = name
    }

    func unreadable(_ expected: String, _ found: String) -> UnreadableMove {
        UnreadableMove(description: "move \(name): expected \(expected), found \(found)")
    }

    func has(_ member: String) -> Bool { json[member] != nil }

    private func member<Value>(_ member: String, _ expected: String, _ read: (JSONValue) -> Value?) throws -> Value {
        guard let value = json[member].flatMap(read) else {
            throw unreadable("\(expected) in member \(member)", json[member] == nil ? "none" : "something else")
        }
        return value
    }

    func text(_ name: String) throws -> String { try member(name, "a text") { $0.string } }
    func number(_ name: String) throws -> Int { try member(name, "a whole number") { $0.integer } }
    func time(_ name: String) throws -> Timestamp { Timestamp(milliseconds: Int64(try number(name))) }
    func step(_ name: String) throws -> StepNumber { try member(name, "a step number") { $0.string.flatMap { StepNumber($0) } } }
    func owner(_ name: String) throws -> Owner { try member(name, "legacy or durable") { $0.string.flatMap { Owner(rawValue: $0) } } }
    func key(_ name: String) throws -> EffectKey { try member(name, "an effect's key") { $0.string.flatMap { EffectKey($0) } } }
    func row() throws -> RowReference { RowReference(try number("row"), EventKind(try text("event"))) }

    func steps(_ name: String) throws -> [StepNumber] {
        let numbers = try member(name, "step numbers") { $0.array }.map { $0.string.flatMap { StepNumber($0) } }
        guard !numbers.contains(nil) else { throw unreadable("step numbers in member \(name)", "something else") }
        return numbers.compactMap { $0 }
    }

    func used() throws -> [Int] {
        guard has("used") else { return [] }
        let rows = try member("used", "numbers of rows") { $0.array }.map(\.integer)
        guard !rows.contains(nil) else { throw unreadable("numbers of rows in member used", "something else") }
        return rows.compactMap { $0 }
    }
}
